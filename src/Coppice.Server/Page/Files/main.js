import { ApiError, apiKey, stream } from "./api.js";
import { byId, count, element, plural, say } from "./dom.js";
import { watch } from "./live.js";
import { hideTip, Sample, tokensOf } from "./samples.js";

const form = byId("form"), dialog = byId("key-dialog"), prompt = byId("prompt");
const numbers = ["n", "max_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "alternatives"];
const examples = {
  story: "The prince looked at the old man for a long time and did not say a word. It was late, the candles had burned low, and nobody in the house was awake but the two of them. Snow had fallen since the morning, and from time to time the wind threw it against the windows. At last the prince went up to him, took him by the hand, and",
  facts: "The dog named Rex has fur that is brown. The house of Ada is in Vienna. The code for Lima is 556. The work of Otto is that of a baker. He got up and went to the window to open it. The dog named Daisy has fur that is black.\n\nQuestion: What color is the fur of the dog named Rex?\nAnswer:",
};
let turns = [], running = null, askAgain = () => {}, knownModel = null;

// --- the key -----------------------------------------------------------------------------------------------------------

function askKey(why) {
  if (dialog.open) return;
  say(byId("key-why"), why);
  byId("key").value = apiKey.get();
  dialog.showModal();
}

byId("key-button").addEventListener("click", () => askKey("This server answers to those who have a key. A server on this machine alone may need none."));
byId("key-form").addEventListener("submit", (event) => {
  if (event.submitter?.value !== "use") return;
  apiKey.set(byId("key").value.trim());
  knownModel = null;
  askAgain();
});

// --- what the server is --------------------------------------------------------------------------------------------------

function setState(kind, text) {
  byId("state").className = `state ${kind}`;
  say(byId("state-text"), text);
}

function onServer({ model, engine }) {
  setState(engine.samples_running + engine.samples_waiting > 0 ? "busy" : "ready", engine.samples_running + engine.samples_waiting > 0 ? "Busy" : "Ready");
  if (knownModel === model.id) return;
  knownModel = model.id;
  say(byId("model-name"), model.id);
  say(byId("model-facts"), `${count(model.max_model_len)} tokens of context · ${model.attention} attention`);
  byId("kind-chat").disabled = !model.chat;
  byId("no-chat").hidden = model.chat;
  byId("n").max = model.max_samples;
  byId("alternatives").max = model.max_logprobs;
}

function onServerError(error) {
  if (error.status === 401) {
    setState("lost", "Needs a key");
    askKey(apiKey.get() ? error.message : "This server answers to those who have a key.");
  } else {
    setState("lost", error.status ? `Error ${error.status}` : "Not reached, trying again");
  }
}

askAgain = watch({ onServer, onError: onServerError });

// --- the form --------------------------------------------------------------------------------------------------------------

const isChat = () => form.elements.kind.value === "chat";

function showKind() {
  byId("system-row").hidden = !isChat();
  byId("turns-row").hidden = !isChat() || turns.length === 0;
  say(byId("prompt-label"), isChat() ? "Message" : "Prompt");
  prompt.placeholder = isChat() ? "What you say to the model." : "The model continues what you write here.";
  byId("turns").replaceChildren(...turns.map(({ role, content }) => element("li", { class: role }, element("b", {}, role), content)));
}

form.addEventListener("change", (event) => event.target.name === "kind" && showKind());
form.addEventListener("input", (event) => event.target.removeAttribute?.("aria-invalid"));
byId("clear-turns").addEventListener("click", () => {
  turns = [];
  showKind();
  prompt.focus();
});
for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    prompt.value = examples[button.dataset.example];
    prompt.focus();
  });
}

/** The request as the API wants it. A field that is empty is left to the server. */
function request() {
  const body = { stream: true, stream_options: { include_usage: true } };
  for (const name of numbers) {
    const field = byId(name);
    if (field.validity.badInput) throw new ApiError(`${field.labels[0].textContent} must be a number.`, { param: name });
    if (field.value !== "" && name !== "alternatives") body[name] = Number(field.value);
  }

  if (byId("stop").value) body.stop = byId("stop").value.replaceAll("\\n", "\n").replaceAll("\\t", "\t");
  if (byId("ignore_eos").checked) body.ignore_eos = true;
  const alternatives = Number(byId("alternatives").value || 0);
  if (!isChat()) {
    body.prompt = prompt.value;
    if (byId("shade").checked) body.logprobs = alternatives;
    return ["/v1/completions", body];
  }

  if (!prompt.value.trim()) throw new ApiError("Write a message first.", { param: "prompt" });
  const system = byId("system").value.trim();
  body.messages = [...(system ? [{ role: "system", content: system }] : []), ...turns, { role: "user", content: prompt.value }];
  if (byId("shade").checked) Object.assign(body, { logprobs: true, top_logprobs: alternatives });
  return ["/v1/chat/completions", body];
}

function showError(error) {
  const box = byId("error"), field = byId({ messages: "prompt", logprobs: "alternatives", top_logprobs: "alternatives" }[error.param] ?? error.param ?? "");
  const title = { 401: "The key was refused", 429: "Too busy", 503: "The server is stopping" }[error.status] ?? (error.status >= 500 ? "The server failed" : error.status ? "The request was refused" : "That did not work");
  box.replaceChildren(element("b", {}, title), error.message, error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "");
  box.hidden = false;
  if (!field || !form.contains(field)) return;
  field.setAttribute("aria-invalid", "true");
  const folded = field.closest("details");
  if (folded) folded.open = true;
  field.focus();
}

function carryOn(sample, asked) {
  if (asked.messages) {
    turns = [...asked.messages.filter((message) => message.role !== "system"), { role: "assistant", content: sample.text }];
    form.elements.kind.value = "chat";
    prompt.value = "";
  } else {
    form.elements.kind.value = "text";
    prompt.value = asked.prompt + sample.text;
  }

  showKind();
  prompt.focus();
  prompt.setSelectionRange(prompt.value.length, prompt.value.length);
  prompt.scrollTop = prompt.scrollHeight;
}

async function run() {
  if (running) return;
  byId("error").hidden = true;
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  let samples = [], usage = null, end = "failed";
  const start = performance.now();
  try {
    const [path, body] = request();
    running = new AbortController();
    byId("run").disabled = true;
    byId("stop-button").disabled = false;
    hideTip();
    samples = Array.from({ length: body.n ?? 1 }, (_, i) => new Sample(i, body.logprobs !== undefined && body.logprobs !== false, (sample) => carryOn(sample, body)));
    const events = stream(path, body, running.signal);
    let next = await events.next();     // a refusal leaves the last answers where they are
    byId("columns").replaceChildren(...samples.map((sample) => sample.root));
    byId("columns").classList.toggle("many", samples.length > 4);
    byId("no-samples").hidden = true;
    byId("legend").hidden = !samples[0].shaded;
    say(byId("progress"), `${plural(samples.length, "sample")} running`);
    askAgain();
    for (; !next.done; next = await events.next()) {
      usage = next.value.usage ?? usage;
      for (const choice of next.value.choices) samples[choice.index]?.add(choice.text ?? choice.delta?.content ?? "", tokensOf(choice.logprobs), choice.finish_reason);
    }

    end = "stop";
    const seconds = (performance.now() - start) / 1000, found = usage?.prompt_tokens_details?.cached_tokens ?? 0;
    say(byId("progress"), usage ? `${plural(usage.completion_tokens, "token")} in ${seconds.toFixed(1)} s, ${count(usage.completion_tokens / seconds)} tokens/s · prompt of ${plural(usage.prompt_tokens, "token")}, ${count(found)} found in the cache` : "Done");
  } catch (error) {
    if (error.name === "AbortError") {
      end = "stopped";
      say(byId("progress"), "Stopped");
    } else if (error instanceof ApiError) {
      say(byId("progress"), "");
      showError(error);
      if (error.status === 401) onServerError(error);
    } else {
      throw error;
    }
  } finally {
    for (const sample of samples) sample.finish(end);
    running = null;
    byId("run").disabled = false;
    const wasStop = document.activeElement === byId("stop-button");
    byId("stop-button").disabled = true;
    if (wasStop) byId("run").focus();
    askAgain();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
byId("stop-button").addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.contains(document.activeElement)) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "Escape" && !dialog.open) {
    hideTip();
    running?.abort();
  }
});
