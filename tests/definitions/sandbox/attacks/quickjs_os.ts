import * as os from 'qjs:os'; os.exec(['id']); export default { id: 'x' };
