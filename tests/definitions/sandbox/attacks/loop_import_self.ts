for (;;) await import('./loop_import_self.ts'); export default { id: 'x' };
