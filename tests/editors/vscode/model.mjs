// A model on loopback that says what a test tells it to: an OpenAI-compatible server over real HTTP.
import http from "node:http";

/** `play(request)` gets each answer as {say, think, call, end}, and `used` for the tokens that it says it read; without one it says "ok". */
export async function startModel(play = async (answer) => { answer.say("ok"); }, models = ["test-model"], port = 0) {
  const requests = [];
  const state = { play, models, open: 0, closed: 0, key: undefined, refusal: undefined }; // With a key, only who has it is answered; a refusal is what a list of models is answered with.
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (data) => { body += data; });
    request.on("end", () => { void handle(request, response, body); });
  });
  async function handle(request, response, body) {
    const tell = (status, body) => { response.writeHead(status, { "content-type": "application/json" }); response.end(JSON.stringify(body)); };
    if (state.key && request.headers.authorization !== `Bearer ${state.key}`) {
      tell(401, { error: { message: "Incorrect API key provided" } });
      return;
    }
    if (request.method === "GET") {
      if (state.refusal) { tell(400, { error: { message: state.refusal } }); } else if (request.url.endsWith("/models")) { tell(200, { object: "list", data: state.models.map((id) => ({ id, object: "model" })) }); } else { tell(404, { error: { message: `no ${request.url}` } }); }
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
  call(name, args, id = `call_${Math.random().toString(36).slice(2)}`) {
    this.called = true;
    this.send({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: JSON.stringify(args) } }] });
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
