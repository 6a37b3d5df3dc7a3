export const NAME = 'By path'
