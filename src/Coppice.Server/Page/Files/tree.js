// The prefix tree as a picture: it lies on its side, the root on the left. A branch is as thick as it has rows, and longer the more tokens
// it has, by their logarithm, so that a long document leaves room for what grows on it.
import { count, duration, element, plural, svg } from "./dom.js";

const rowHeight = 34, top = 30, left = 14, gap = 26, least = 84, labelRoom = 150, mostChildren = 16, mostIdle = 5;
const why = {
  together: (node) => `read once for its ${plural(node.rows, "row")} in the last step`,
  one_row: () => "one row needs it, so it was read for that one",
  part_of_block: (node) => `its rows part inside a block of 64 tokens, and blocks are read together: ${count(node.pages_read)} page reads for ${plural(node.pages, "page")}`,
  row_groups: (node) => `its rows were divided among threads: ${count(node.pages_read)} page reads for ${plural(node.pages, "page")}`,
  mode: (node) => `the attention mode does not share there: ${count(node.pages_read)} page reads for ${plural(node.pages, "page")}`,
  approximate: () => "the attention mode fetches only what each row wants",
  none: (node) => (node.rows > 0 ? "it was not in the last step" : `nobody needs it now, for ${duration(node.idle_seconds)}`),
};
/** Together, where at least half of what could be spared was. */
const look = (node) => (["one_row", "none"].includes(node.reading) ? node.reading
  : node.rows > 1 && node.pages_read > 0 && 2 * node.pages_read <= node.pages * (node.rows + 1) ? "together" : "apart");
const thickness = (node) => (node.rows === 0 ? 4 : Math.min(18, 4 + 3 * Math.log2(1 + node.rows)));

export function describe(node) {
  const parts = [`${plural(node.tokens, "token")} from ${count(node.first_token)}`, `${plural(node.rows, "running row")}`, `found ${plural(node.hits, "time")}`];
  if (node.pinned) parts.push("kept by a declared prefix");
  if (node.ends > 0) parts.push(`${plural(node.end_tokens, "token")} growing behind it`);
  if (node.evicted_pages > 0) parts.push(`${plural(node.evicted_pages, "page")} evicted from below it`);
  parts.push(why[node.reading](node));
  if (node.same_beginning_elsewhere > 0) parts.push(`the same beginning is in ${plural(node.same_beginning_elsewhere, "other partition")}, and partitions share nothing`);
  return parts;
}

export class TreePicture {
  #drawn = new Map();     // node id -> its elements
  #seen = new Map();      // node id -> when it came, so that branches keep their places
  #clock = 0;
  #order = [];            // nodes from top to bottom
  #focused = null;
  #hovered = null;
  #asked = null;          // the branch that somebody went to

  constructor(root, detail) {
    this.root = root;
    this.detail = detail;
    this.links = svg("g");
    this.branches = svg("g");
    this.labels = svg("g", { "aria-hidden": "true" });
    this.picture = svg("svg", { role: "tree", "aria-label": "Prefix tree" }, this.links, this.labels, this.branches);
    root.append(this.picture);
    this.picture.addEventListener("keydown", (event) => this.#onKey(event));
  }

  draw(tree) {
    const byIdNode = new Map(tree.nodes.map((node) => [node.id, { ...node, children: [], extra: node.hidden }]));
    const roots = tree.partitions.map((partition) => ({ partition, children: [], extra: partition.hidden }));
    for (const node of byIdNode.values()) {
      if (!this.#seen.has(node.id)) this.#seen.set(node.id, ++this.#clock);
      (node.parent === null ? roots[node.partition] : byIdNode.get(node.parent)).children.push(node);
    }

    for (const id of this.#seen.keys()) if (!byIdNode.has(id)) this.#seen.delete(id);
    const width = Math.max(280, this.root.clientWidth - 2);
    this.#order = [];
    this.more = [];
    let y = top;
    const headings = [];
    for (const root of roots) {
      if (roots.length > 1) {
        headings.push([root.partition.cache_salt ? `cache_salt “${root.partition.cache_salt}”` : "common", y - 10]);
        y += 8;
      }

      this.#prune(root);
      const natural = Math.max(...root.children.map((child) => this.#natural(child)), 0), depth = Math.max(...root.children.map((child) => this.#depth(child)), 1);
      // The logarithmic part gives way before the labels do.
      const fixed = left + depth * (least + gap) + Math.min(labelRoom, width / 3), scale = Math.max(0, Math.min(1.6, (width - fixed) / Math.max(1, natural)));
      for (const child of root.children) y = this.#place(child, left, y, 1, scale);
      if (root.extra > 0) { this.more.push([left, y, root.extra]); y += rowHeight; }
      if (root.partition.rows_outside > 0) { headings.push([`${plural(root.partition.rows_outside, "row")} with no full page yet`, y]); y += rowHeight; }
      if (roots.length > 1) y += 10;
    }

    const right = Math.max(width, ...this.#order.map((node) => node.x + node.length + 40));
    this.picture.setAttribute("width", right);
    this.picture.setAttribute("height", Math.max(60, y));
    this.labels.replaceChildren(...headings.map(([text, at]) => svg("text", { class: "partition", x: left, y: at }, text)), ...this.more.map(([x, at, hidden]) => svg("text", { class: "partition", x: x + 6, y: at + 4 }, `… and ${count(hidden)} more`)));
    const live = new Set(this.#order.map((node) => node.id));
    for (const [id, { branch }] of this.#drawn) if (!live.has(id)) { branch.remove(); this.#drawn.delete(id); }
    this.links.replaceChildren(...this.#order.filter((node) => node.above).map((node) => {
      const { above } = node, from = above.x + above.length, middle = (from + node.x) / 2;
      return svg("path", { class: `link ${look(node)}`, "stroke-width": thickness(node), d: `M${from} ${above.y}C${middle} ${above.y} ${middle} ${node.y} ${node.x} ${node.y}` });
    }));
    if (!live.has(this.#focused)) this.#focused = this.#order[0]?.id ?? null;
    for (const node of this.#order) this.#update(node, right);
    this.#tell();
  }

  /** Children in the order they came; of many, only those that run and those used last. */
  #prune(node) {
    node.children.sort((a, b) => b.rows - a.rows || a.idle_seconds - b.idle_seconds);
    const running = node.children.filter((child) => child.rows > 0).length, kept = Math.min(mostChildren, running + mostIdle);
    if (node.children.length > kept) {
      node.extra += node.children.length - kept;
      node.children.length = kept;
    }

    // What runs stands on top, then what ran a moment ago.
    const turn = (child) => (child.rows > 0 ? 0 : child.idle_seconds < 10 ? 1 : 2);
    node.children.sort((a, b) => turn(a) - turn(b) || this.#seen.get(a.id) - this.#seen.get(b.id));
    node.children.forEach((child) => this.#prune(child));
  }

  #natural(node) { return 22 * Math.log2(1 + node.tokens / 16) + Math.max(0, ...node.children.map((child) => this.#natural(child))); }

  #depth(node) { return 1 + Math.max(0, ...node.children.map((child) => this.#depth(child))); }

  #place(node, x, y, level, scale) {
    Object.assign(node, { x, level, length: least + scale * 22 * Math.log2(1 + node.tokens / 16) });
    this.#order.push(node);
    if (node.children.length === 0) {
      node.y = y;
      return y + rowHeight + (node.extra > 0 ? this.#more(node, y + rowHeight) : 0);
    }

    node.children.forEach((child, i) => {
      Object.assign(child, { above: node, setSize: node.children.length, position: i + 1 });
      y = this.#place(child, x + node.length + gap, y, level + 1, scale);
    });
    if (node.extra > 0) y += this.#more(node, y);
    node.y = node.children[0].y;        // what it grew from stays in sight however many grow on it
    return y;
  }

  #more(node, y) {
    this.more.push([node.x + node.length + gap, y, node.extra]);
    return rowHeight;
  }

  #update(node, right) {
    let drawn = this.#drawn.get(node.id);
    if (!drawn) {
      drawn = { wood: svg("rect", { class: "wood", x: 0 }), ring: svg("rect", { class: "ring", x: -3, rx: 6 }), label: svg("text", { x: 2 }), shoots: svg("g") };
      drawn.branch = svg("g", { role: "treeitem" }, svg("rect", { class: "hit", x: 0, y: -22, height: 34, fill: "transparent" }), drawn.ring, drawn.wood, drawn.label, drawn.shoots);
      drawn.branch.addEventListener("pointerenter", () => this.#hover(node.id));
      drawn.branch.addEventListener("pointerleave", () => this.#hover(null));
      drawn.branch.addEventListener("focus", () => this.#focus(node.id));
      drawn.branch.addEventListener("click", () => this.#focus(node.id));
      this.#drawn.set(node.id, drawn);
    }

    const { branch, wood, ring, label, shoots } = drawn, thick = thickness(node);
    branch.node = node;
    branch.setAttribute("class", `branch ${look(node)}`);
    branch.setAttribute("transform", `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`);
    branch.setAttribute("aria-level", node.level);
    branch.setAttribute("aria-label", describe(node).join(", ") + (node.text ? `. Begins: ${node.text}` : ""));
    branch.setAttribute("tabindex", node.id === this.#focused ? "0" : "-1");
    if (node.children.length > 0) branch.setAttribute("aria-expanded", "true");
    else branch.removeAttribute("aria-expanded");
    branch.querySelector(".hit").setAttribute("width", node.length);
    for (const [target, grow] of [[wood, 0], [ring, 3]]) {
      target.setAttribute("y", -thick / 2 - grow);
      target.setAttribute("height", thick + 2 * grow);
      target.setAttribute("width", node.length + 2 * grow);
    }

    wood.setAttribute("rx", Math.min(4, thick / 2));
    label.setAttribute("y", -thick / 2 - 5);
    const facts = `${count(node.tokens)}${node.rows > 1 ? ` × ${count(node.rows)}` : ""}`;
    const dots = Math.min(node.ends, 6), free = node.children.length > 0 ? node.length : right - node.x - 12;
    const room = Math.floor((free - 8 - facts.length * 7.4) / 6.3);
    label.replaceChildren(facts);
    if (node.text && room > 4) {
      const text = node.text.replaceAll(/\s+/g, " ").trim();
      label.append(svg("tspan", { class: "said", dx: 7 }, text.length > room ? `${text.slice(0, room - 1)}…` : text));
    }

    shoots.replaceChildren(...Array.from({ length: dots }, (_, i) => svg("circle", { class: "shoot", cx: node.length + 8 + i * 8, cy: 0, r: 3 })));
    if (node.ends > dots) shoots.append(svg("text", { x: node.length + 8 + dots * 8, y: 4 }, `+${count(node.ends - dots)}`));
    if (branch.parentNode !== this.branches) this.branches.append(branch);
  }

  #hover(id) { this.#hovered = id; this.#tell(); }

  #focus(id) {
    this.#focused = this.#asked = id;
    for (const [other, { branch }] of this.#drawn) branch.setAttribute("tabindex", other === id ? "0" : "-1");
    this.#tell();
  }

  #tell() {
    const node = this.#drawn.get(this.#hovered ?? this.#asked)?.branch.node;
    this.detail.hidden = false;
    if (!node) {
      this.detail.replaceChildren("A branch is as thick as it has rows, and longer the more tokens it has. Point at one, or reach it with the arrow keys, to see how it is read.");
      return;
    }

    const [first, ...rest] = describe(node);
    this.detail.replaceChildren(element("b", {}, first), ` · ${rest.join(" · ")}`);
    if (node.text) this.detail.append(" · begins ", element("q", {}, node.text.trim()));
  }

  #onKey(event) {
    const node = event.target.closest?.("[role=treeitem]")?.node;
    if (!node) return;
    const byHeight = this.#order.toSorted((a, b) => a.y - b.y || a.x - b.x), at = byHeight.indexOf(node);
    const to = { ArrowDown: byHeight[at + 1], ArrowUp: byHeight[at - 1], ArrowLeft: node.above, ArrowRight: node.children[0], Home: byHeight[0], End: byHeight.at(-1) };
    if (!(event.key in to)) return;
    event.preventDefault();
    this.#drawn.get(to[event.key]?.id)?.branch.focus();
  }
}
