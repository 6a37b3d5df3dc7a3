export default {
  id: 'routed', displayName: 'P', model: 'm',
  providerOptions: { baseUrl: 'http://127.0.0.1:8080/v1', order: ['anthropic'], allow_fallbacks: false, data_collection: 'deny', quantizations: ['fp8', 'unknown'], sort: 'price', max_price: { prompt: 1, completion: '2' } },
}
