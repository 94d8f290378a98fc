import { svg } from "./dom.js";

const width = 200, height = 52, points = 120, least = 40;

/** A line for each series, oldest on the left, over a shared scale that begins at zero. Stacked: each stands on the one before it. */
export class Chart {
  #series = [];

  constructor(root, label) {
    this.root = root;
    this.label = label;
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    root.setAttribute("preserveAspectRatio", "none");
  }

  add(values, text) {
    values.forEach((value, i) => {
      const all = (this.#series[i] ??= []);
      all.push(value);
      if (all.length > points) all.shift();
    });
    const most = Math.max(1e-9, ...this.#series.flat()) * 1.1;
    this.root.setAttribute("aria-label", `${this.label}: ${text}; highest of the last minutes ${Math.round(most / 1.1)}`);
    this.root.replaceChildren(...this.#series.flatMap((all, i) => {
      if (all.length < 2) return [];
      const line = all.map((value, at) => `${(width - (all.length - 1 - at) * (width / (Math.max(least, all.length) - 1))).toFixed(1)} ${(height - (value / most) * (height - 3)).toFixed(1)}`);
      const first = line[0].split(" ")[0], second = i > 0 ? " second" : "";
      return [svg("path", { class: `area${second}`, d: `M${first} ${height}L${line.join("L")}L${width} ${height}Z` }), svg("path", { class: second.trim(), d: `M${line.join("L")}` })];
    }));
  }

  clear() {
    this.#series = [];
    this.root.replaceChildren();
  }
}
