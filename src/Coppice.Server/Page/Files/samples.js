// One column for each sample: its text as it comes, shaded by probability, with the alternatives of a token on hover and by keyboard.
import { byId, count, element, percent, plural, say } from "./dom.js";

const tip = byId("tip");
const shades = [[0.8, 0], [0.5, 1], [0.2, 2], [0.05, 3], [0, 4]];
const ends = { stop: "ended", length: "limit", stopped: "stopped", failed: "failed", tool_calls: "tool call" };
let made = 0;

/** The tokens of a chunk in one form: completions and chats have two. */
export function tokensOf(logprobs) {
  if (!logprobs) return [];
  if (logprobs.content) return logprobs.content.map((token) => ({ text: token.token, p: Math.exp(token.logprob), top: token.top_logprobs.map((other) => [other.token, Math.exp(other.logprob)]) }));
  return logprobs.tokens.map((text, i) => ({ text, p: Math.exp(logprobs.token_logprobs[i]), top: Object.entries(logprobs.top_logprobs[i]).map(([other, logprob]) => [other, Math.exp(logprob)]) }));
}

const shown = (token) => token.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replaceAll(" ", "␣") || "(empty)";
const spoken = (token) => (token.trim() ? `“${token.trim()}”` : token.includes("\n") ? "new line" : "space");

export class Sample {
  #queue = [];            // text and tokens that are not on the page yet
  #frame = 0;
  #pending = [];          // tokens whose text is part of the next one's: they are parts of a character
  #count = 0;
  #active = null;
  #id = ++made;

  constructor(index, shaded, onContinue) {
    this.text = "";
    this.tokens = 0;
    this.shaded = shaded;
    this.title = element("h3", { id: `sample-${this.#id}` }, `Sample ${index + 1}`);
    this.end = element("span", { class: "end" }, "waiting");
    this.body = element("div", { class: "text", "aria-labelledby": `sample-${this.#id}`, tabindex: "0", role: shaded ? "listbox" : "region", "aria-busy": "true" });
    if (shaded) this.body.setAttribute("aria-description", "Arrow keys move over the tokens and show what else might have come.");
    this.more = element("button", { type: "button", class: "quiet", hidden: "" }, "Continue this one");
    this.more.addEventListener("click", () => onContinue(this));
    this.root = element("article", { class: "sample running" }, element("header", {}, this.title, this.end), this.body, element("footer", {}, this.more));
    this.body.addEventListener("keydown", (event) => this.#onKey(event));
    this.body.addEventListener("focus", () => this.#active && this.#show(this.#active));
    this.body.addEventListener("blur", hideTip);
    this.body.addEventListener("pointerover", (event) => showTip(event.target.closest(".t")));
    this.body.addEventListener("pointerleave", hideTip);
    this.body.addEventListener("scroll", hideTip);
    this.body.addEventListener("click", (event) => event.target.closest(".t") && this.#show(event.target.closest(".t")));
  }

  add(text, tokens, finish) {
    this.text += text;
    this.tokens += Math.max(tokens.length, text || finish ? 1 : 0);
    this.#queue.push([text, tokens]);
    if (finish) this.finish(finish);
    else this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  /** Once a frame and not once a token: a layout costs more than a token does. */
  #flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const atEnd = this.body.scrollHeight - this.body.scrollTop - this.body.clientHeight < 30;
    for (const [text, tokens] of this.#queue.splice(0)) {
      this.#pending.push(...tokens);
      if (text) this.#append(text);
    }

    if (atEnd) this.body.scrollTop = this.body.scrollHeight;
    say(this.end, plural(this.tokens, "token"));
  }

  #append(text) {
    if (this.#pending.length === 0) {
      if (this.body.lastChild?.nodeType === Node.TEXT_NODE) this.body.lastChild.appendData(text);
      else this.body.append(text);
      return;
    }

    // The space before a word is not shaded: at the end of a line it would stand there alone.
    const space = text.trim() ? text.length - text.trimStart().length : 0, worst = Math.min(...this.#pending.map((token) => token.p));
    const shade = `p${shades.find(([least]) => worst >= least)[1]}${!text.trim() && text.includes("\n") ? " line" : ""}`;
    const token = element("span", { class: "t", role: "option", id: `token-${this.#id}-${++this.#count}`, "aria-selected": "false" }, text.slice(0, space), element("span", { class: shade }, text.slice(space)));
    token.alternatives = this.#pending;
    this.#pending = [];
    this.body.append(token);
  }

  finish(reason) {
    if (!this.root.classList.contains("running")) return;
    this.#flush();
    this.root.classList.remove("running");
    this.body.setAttribute("aria-busy", "false");
    say(this.end, `${count(this.tokens)} · ${ends[reason] ?? reason}`);
    this.more.hidden = !this.text;
    if (!this.text && reason === "stop") this.body.append(element("span", { class: "faint" }, "The model ended at once."));
  }

  #onKey(event) {
    if (event.key === "Escape" && !tip.hidden) {
      event.stopPropagation();        // closes the alternatives and does not stop the run
      hideTip();
      return;
    }

    const all = [...this.body.children].filter((child) => child.alternatives);
    const at = this.#active ? all.indexOf(this.#active) : -1;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + 8, ArrowUp: at - 8, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || all.length === 0) return;
    event.preventDefault();
    this.#show(all[Math.min(Math.max(to, 0), all.length - 1)]);
  }

  #show(token) {
    if (this.#active) {
      this.#active.classList.remove("active");
      this.#active.setAttribute("aria-selected", "false");
    }

    this.#active = token;
    token.classList.add("active");
    token.setAttribute("aria-selected", "true");
    const { text, p, top } = token.alternatives[0];
    const others = top.filter(([other]) => other !== text).map(([other, chance]) => `${spoken(other)} ${percent(chance)}`);
    token.setAttribute("aria-label", `${spoken(text)} ${percent(p)}${others.length ? `; else ${others.join(", ")}` : ""}`);
    this.body.setAttribute("aria-activedescendant", token.id);
    token.scrollIntoView({ block: "nearest" });
    showTip(token);
  }
}

function showTip(token) {
  if (!token) return;
  tip.replaceChildren(...token.alternatives.map(({ text, p, top }) => {
    const table = element("table");
    const rows = top.some(([other]) => other === text) ? top : [[text, p], ...top];
    for (const [other, chance] of rows.toSorted((a, b) => b[1] - a[1])) {
      const row = table.insertRow();
      row.append(element("td", {}, shown(other)), element("td", {}, percent(chance)));
      if (other === text) row.className = "chosen";
    }

    return table;
  }));
  tip.hidden = false;
  const at = token.lastChild.getClientRects()[0] ?? token.getBoundingClientRect(), width = tip.offsetWidth, height = tip.offsetHeight;
  const above = at.bottom + height + 12 > innerHeight;
  tip.style.transform = `translate(${Math.round(Math.max(8, Math.min(at.left, innerWidth - width - 8)))}px, ${Math.round(above ? Math.max(8, at.top - height - 6) : at.bottom + 6)}px)`;
}

export function hideTip() {
  tip.hidden = true;
}
