import { connect } from 'net'; connect(__PORT__, '127.0.0.1'); export default { id: 'x' };
