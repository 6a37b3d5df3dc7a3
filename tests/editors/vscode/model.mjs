// A model on loopback that says what a test tells it to: an OpenAI-compatible server over real HTTP.
import http from "node:http";

/** `play(request)` gets each answer as {say, think, call, end}, and `used` for the tokens that it says it read; without one it says "ok". */
export async function startModel(play = async (answer) => { answer.say("ok"); }, models = ["test-model"], port = 0) {
  const requests = [];
  const state = { play, open: 0, closed: 0, key: undefined, refuse: false }; // With a key, the models are listed to who has it; refusing, nothing is answered.
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (data) => { body += data; });
    request.on("end", () => { void handle(request, response, body); });
  });
  async function handle(request, response, body) {
    if (request.method === "GET") {
      response.setHeader("content-type", "application/json");
      response.statusCode = state.key && request.headers.authorization !== `Bearer ${state.key}` ? 401 : request.url.endsWith("/models") ? 200 : 404;
      response.end(JSON.stringify(response.statusCode === 200 ? { object: "list", data: models.map((id) => ({ id, object: "model" })) } : { error: { message: `no ${request.url}` } }));
      return;
    }
    if (state.refuse) {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "Incorrect API key provided" } }));
      return;
    }
    const asked = JSON.parse(body);
    requests.push({ ...asked, headers: request.headers });
    state.open++;
    response.on("close", () => { state.open--; if (!response.writableEnded) { state.closed++; } });
    response.writeHead(200, { "content-type": "text/event-stream" });
    await state.play(new Answer(asked, response), requests.length).catch((error) => { console.error("the model's script:", error); response.destroy(); });
    if (!response.writableEnded && !response.destroyed) { new Answer(asked, response).end(); }
  }
  await new Promise((resolve, reject) => { server.once("error", reject); server.listen(port, "127.0.0.1", resolve); });
  const url = `http://127.0.0.1:${server.address().port}/v1`;
  return { url, requests, state, stop: () => { server.closeAllConnections(); return new Promise((resolve) => server.close(resolve)); } };
}

class Answer {
  constructor(asked, response) { this.asked = asked; this.response = response; }
  get gone() { return this.response.destroyed; }
  send(delta, finish = null, more = {}) {
    if (!this.gone) {
      this.response.write(`data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", model: this.asked.model, choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`);
    }
  }
  say(text) { this.send({ content: text }); }
  think(text) { this.send({ reasoning_content: text }); }
  call(name, args) {
    this.called = true;
    this.send({ tool_calls: [{ index: 0, id: `call_${Math.random().toString(36).slice(2)}`, type: "function", function: { name, arguments: JSON.stringify(args) } }] });
    this.end("tool_calls");
  }
  end(reason = "stop") {
    if (this.gone || this.response.writableEnded) { return; }
    const size = this.used ?? Math.ceil(JSON.stringify([this.asked.messages, this.asked.tools]).length / 3);
    this.send({}, reason);
    this.response.write(`data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", model: this.asked.model, choices: [], usage: { prompt_tokens: size, completion_tokens: 42, total_tokens: size + 42 } })}\n\n`);
    this.response.end("data: [DONE]\n\n");
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
