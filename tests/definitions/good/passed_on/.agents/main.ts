import one from '../agents/one'
export default one
