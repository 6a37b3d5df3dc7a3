import { X } from './b'
export const Y = X + '?'
