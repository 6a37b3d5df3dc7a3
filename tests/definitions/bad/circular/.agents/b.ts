import { Y } from './c'
export const X = Y + '!'
