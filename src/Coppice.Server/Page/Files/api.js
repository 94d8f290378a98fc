// Calls the server that the page came from, and no other.
const place = "coppice-key";

export const apiKey = {
  get: () => sessionStorage.getItem(place) ?? "",
  set: (key) => (key ? sessionStorage.setItem(place, key) : sessionStorage.removeItem(place)),
};

export class ApiError extends Error {
  constructor(message, { status = 0, param = null, code = null, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { status, param, code, retryAfter });
  }
}

async function open(path, options) {
  const headers = { ...options.headers };
  if (apiKey.get()) headers.Authorization = `Bearer ${apiKey.get()}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached. It may have stopped, or the connection is down.");
  }

  if (response.ok) return response;
  const failure = await response.json().then((body) => body.error, () => null);
  throw new ApiError(failure?.message ?? `The server answered ${response.status}.`, {
    status: response.status, param: failure?.param, code: failure?.code, retryAfter: response.headers.get("Retry-After"),
  });
}

export const getJson = async (path, signal) => (await open(path, { signal, cache: "no-store" })).json();

/** The events of a streamed answer, until [DONE]. An error within the stream is thrown. */
export async function* stream(path, body, signal) {
  const response = await open(path, { method: "POST", signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The connection broke before the answer had ended.");
    });
    if (done) throw new ApiError("The connection ended before the answer had.");
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      const data = event.slice(6);
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiError(chunk.error.message, chunk.error);
      yield chunk;
    }
  }
}
