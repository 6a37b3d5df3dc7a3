import http from 'node:http'; http.get('http://127.0.0.1:__PORT__/'); export default { id: 'x' };
