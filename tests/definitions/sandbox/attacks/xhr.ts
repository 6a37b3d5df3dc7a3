const x = new XMLHttpRequest(); x.open('GET', 'http://127.0.0.1:__PORT__/', false); x.send(); export default { id: 'x' };
