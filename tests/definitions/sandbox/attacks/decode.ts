export default { id: 'x', r: decodeURIComponent('%E0%A4%A') };
