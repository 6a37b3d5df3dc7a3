import * as std from 'std'; std.exit(3); export default { id: 'x' };
