new WebSocket('ws://127.0.0.1:__PORT__/'); export default { id: 'x' };
