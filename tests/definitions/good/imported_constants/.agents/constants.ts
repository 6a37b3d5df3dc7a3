export const publisher = 'acme'
