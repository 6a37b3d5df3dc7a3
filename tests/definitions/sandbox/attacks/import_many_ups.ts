const found = [];
for (const up of ['../', '../../', '../../../', '../../../../', '../../../../../../../../'])
  for (const name of ['etc/passwd', 'outside/secret.json', 'outside/secret.md', '.env'])
    try { found.push((await import(up + name)).default); } catch {}
if (found.length === 0) throw new Error('nothing found');
export default { id: 'x', r: found };
