export function then(resolve: any) { resolve('not a namespace'); } export default { id: 'x' };
