export function defineAgent<const T extends { id: string }>(d: T): T & { version: string } { return { version: '1.0.0', ...d } }
export const defaults = Object.freeze({ model: 'a/b', includeMessageHistory: true })
