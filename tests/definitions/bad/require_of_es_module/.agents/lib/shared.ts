export const model: string = 'a/b'
