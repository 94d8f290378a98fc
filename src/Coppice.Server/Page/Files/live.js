// What the engine does, asked for once a second while somebody looks.
import { ApiError, getJson } from "./api.js";
import { Chart } from "./charts.js";
import { byId, bytes, count, element, percent, plural, say } from "./dom.js";
import { TreePicture } from "./tree.js";

const reasons = {
  one_row: "one row needs it",
  part_of_block: "rows part inside a block of 64 tokens",
  row_groups: "rows divided among threads",
  mode: "the attention mode does not share there",
  approximate: "fetched row by row, approximately",
};
const rate = new Chart(byId("rate-chart"), "Tokens per second");
const queue = new Chart(byId("queue-chart"), "Samples running and waiting");
const memory = new Chart(byId("memory-chart"), "Memory of keys and values, held and cached, in MiB");
const picture = new TreePicture(byId("tree"), byId("node"));
let timer = 0, last = null, asking = false, again = false;

/** Calls back with what the server says of itself, and with errors that need somebody. */
export function watch({ onServer, onError }) {
  const ask = async () => {
    if (asking) {
      again = true;
      return;
    }

    clearTimeout(timer);
    if (document.hidden) return;
    asking = true;
    let next = 3000;
    try {
      const now = await getJson("/v1/coppice/tree");
      onServer(now);
      show(now);
      next = now.engine.samples_running > 0 ? 500 : 1000;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      onError(error);
      last = null;
      if (error.status === 401) next = 0;       // until there is a key
    } finally {
      asking = false;
      if (again) next = 50;
      again = false;
      if (next > 0) timer = setTimeout(ask, next);
    }
  };
  document.addEventListener("visibilitychange", ask);
  addEventListener("resize", () => last && picture.draw(last.tree));
  ask();
  return ask;
}

function show(now) {
  const { engine, tree } = now;
  const isEmpty = tree.nodes.length === 0 && !tree.partitions.some((partition) => partition.rows > 0);
  byId("tree").hidden = isEmpty;
  byId("no-tree").hidden = !isEmpty;
  if (!isEmpty) picture.draw(tree);
  else byId("node").hidden = true;
  const facts = isEmpty ? [] : [`${bytes(engine.kv_bytes_held + engine.kv_bytes_cached)} of ${bytes(engine.kv_bytes_limit)}`, `${percent(engine.found_prompt_tokens / Math.max(1, engine.found_prompt_tokens + engine.computed_prompt_tokens))} of prompt tokens found`];
  if (engine.kv_bytes_evicted > 0) facts.push(`${bytes(engine.kv_bytes_evicted)} evicted`);
  if (tree.other_partitions > 0) facts.push(`${plural(tree.other_partitions, "partition")} of other keys not shown`);
  say(byId("tree-facts"), facts.join(" · "));

  const seconds = last ? now.time - last.time : 0;
  const made = last && seconds > 0 ? Math.max(0, engine.generated_tokens - last.engine.generated_tokens) / seconds : 0;
  const running = `${count(engine.samples_running)} running${engine.samples_waiting > 0 ? `, ${count(engine.samples_waiting)} waiting` : ""}`;
  const held = `${bytes(engine.kv_bytes_held)} + ${bytes(engine.kv_bytes_cached)} cached`;
  say(byId("rate"), count(made));
  say(byId("queue"), running);
  say(byId("memory"), held);
  rate.add([made], count(made));
  queue.add([engine.samples_running, engine.samples_waiting], running);
  memory.add([engine.kv_bytes_held / 2 ** 20, (engine.kv_bytes_held + engine.kv_bytes_cached) / 2 ** 20], held);
  showReads(now);
  last = now;
}

function showReads({ engine, sharing }) {
  const total = sharing.rows_per_read.reduce((sum, row) => sum + row.bytes_read, 0);
  byId("no-reads").hidden = total > 0;
  byId("reads").hidden = total === 0;
  if (total === 0) return;
  say(byId("saved"), `since the start: ${bytes(engine.kv_bytes_read)} instead of ${bytes(engine.kv_bytes_read + engine.kv_bytes_saved)} per row, ${less(engine.kv_bytes_read, engine.kv_bytes_saved)} less`);
  const deepest = sharing.levels.findLastIndex((level) => level.bytes_read > 0);
  rows("levels", sharing.levels.slice(0, deepest + 1).map((level) => [level.level, bytes(level.bytes_read), bytes(level.bytes_saved), less(level.bytes_read, level.bytes_saved)]));
  rows("rows", sharing.rows_per_read.filter((row) => row.bytes_read > 0).map((row) => [row.rows.replace("-", " to "), bytes(row.bytes_read), percent(row.bytes_read / total)]));
  rows("reasons", Object.entries(sharing.not_shared).filter(([, read]) => read > 0).map(([reason, read]) => [reasons[reason] ?? reason, bytes(read)]));
}

const less = (read, saved) => `${((read + saved) / Math.max(1, read)).toFixed(1)}×`;

function rows(id, lines) {
  byId(id).replaceChildren(...lines.map(([head, ...cells]) => element("tr", {}, element("th", { scope: "row" }, String(head)), ...cells.map((cell) => element("td", {}, cell)))));
}
