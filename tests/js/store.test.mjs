// What the page keeps of a schedule, against a model that answers when it is told to.
import assert from "node:assert/strict";
import test from "node:test";
import { Store } from "../../timegate/widgets/static/store.js";

class Model {
  constructor(draft) {
    this.state = { draft, answer: { author: "kernel", revision: 0 }, origin: "o" };
    this.handlers = {};
    this.sent = [];
    this.messages = [];
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    this.state[name] = value;
    this.fire(name);
  }
  on(name, f) {
    this.handlers[name] = f;
  }
  fire(name) {
    this.handlers[`change:${name}`]?.();
  }
  save_changes() {
    this.sent.push(this.state.draft);
  }
  send(content) {
    this.messages.push(content);
  }
  answer(draft, more = {}) {
    this.state.answer = { author: draft.author, revision: draft.revision, ...more };
    this.fire("answer");
  }
  push(draft) {
    this.state.draft = draft;
    this.fire("draft");
  }
}

const START = { author: "kernel", revision: 0, deployments: [], faults: [] };
function opened(storage = null, patienceMs = 60_000) {
  const model = new Model(START);
  const store = new Store(model, storage, patienceMs);
  const answers = [];
  store.addEventListener("answer", () => answers.push(store.answer.revision));
  return { model, store, answers };
}
const with_ = (...names) => ({ deployments: names });
const now = (store) => store.draft.deployments.join("");

test("each change has a number of its own and is sent at once", () => {
  const { model, store } = opened();
  store.edit(with_("a"));
  assert.equal(model.sent.length, 1);
  assert.equal(model.sent[0].revision, 1);
  assert.notEqual(model.sent[0].author, "kernel");
  store.dispose();
});

test("changes during a replay coalesce to the newest", () => {
  const { model, store, answers } = opened();
  for (const name of "abcd") store.edit(with_(name));
  assert.equal(model.sent.length, 1);
  model.answer(model.sent[0]);
  assert.deepEqual(
    model.sent.map((d) => d.revision),
    [1, 4],
  );
  assert.deepEqual(answers, []);
  model.answer(model.sent[1]);
  assert.deepEqual(answers, [4]);
  assert.equal(model.sent.length, 2);
  store.dispose();
});

test("a stale answer is never shown", () => {
  const { model, store, answers } = opened();
  store.edit(with_("a"));
  const first = store.draft;
  model.answer(first);
  store.edit(with_("b"));
  model.answer(first, { figures: "old" });
  model.answer({ author: "somebody", revision: 2 }, { figures: "another's" });
  assert.deepEqual(answers, [1]);
  assert.equal(store.answer.figures, undefined);
  assert.equal(store.current, false);
  store.dispose();
});

test("undo and redo go through all steps, and a new edit forgets what was undone", () => {
  const { store } = opened();
  for (const name of "abc") store.edit(with_(name));
  store.undo();
  store.undo();
  assert.equal(now(store), "a");
  store.redo();
  assert.equal(now(store), "b");
  store.edit(with_("x"));
  store.redo();
  assert.equal(now(store), "x");
  for (let i = 0; i < 9; i++) store.undo();
  assert.equal(now(store), "");
  assert.equal(store.draft.revision, 10); // also going back is a change
  store.dispose();
});

test("a gesture is one step; one that ends where it began is none; Escape takes it back", () => {
  const { store } = opened();
  store.begin();
  for (const name of "abc") store.edit(with_(name));
  store.commit();
  assert.equal(store.done.length, 1);
  store.begin();
  store.edit(with_("d"));
  store.edit(with_("c"));
  store.commit();
  assert.equal(store.done.length, 1);
  store.begin();
  store.edit(with_("z"));
  store.cancel();
  assert.equal(now(store), "c");
  store.undo();
  assert.equal(now(store), "");
  store.dispose();
});

test("what another cell sets is shown, can be undone, and is said again if a change of ours crosses it", () => {
  const { model, store } = opened();
  store.edit(with_("mine"));
  model.push({ ...START, revision: 1, deployments: ["theirs"] });
  assert.equal(now(store), "theirs");
  model.answer(model.sent[0]); // ours, late: the kernel has it now, and not what is shown
  assert.equal(now(store), "theirs");
  assert.deepEqual(model.sent.at(-1).deployments, ["theirs"]);
  model.answer(model.sent.at(-1));
  assert.equal(store.current, true);
  store.undo();
  assert.equal(now(store), "mine");
  store.dispose();
});

test("a change that is told twice is taken once", () => {
  const { model, store } = opened();
  store.begin();
  store.edit(with_("mine"));
  model.push({ ...START });
  assert.equal(now(store), "mine");
  store.cancel();
  assert.equal(now(store), "");
  store.dispose();
});

test("what another cell sets while nothing is under way is not sent back", () => {
  const { model, store } = opened();
  const theirs = { ...START, revision: 1, deployments: ["theirs"] };
  model.push(theirs);
  model.answer(theirs);
  assert.equal(model.sent.length, 0);
  assert.equal(store.current, true);
  store.dispose();
});

test("a kernel that says nothing is told, and the next change is sent all the same", async () => {
  const { model, store } = opened(null, 1);
  const answered = new Promise((done) => store.addEventListener("answer", done, { once: true }));
  store.edit(with_("a"));
  store.edit(with_("b"));
  await answered;
  assert.equal(store.silent, true);
  assert.equal(store.current, false);
  store.edit(with_("c"));
  assert.deepEqual(model.sent.at(-1).deployments, ["c"]);
  model.answer(model.sent.at(-1));
  assert.equal(store.silent, false);
  store.dispose();
});

test("a model that throws, for its kernel is gone, is the same as one that says nothing", () => {
  const { model, store } = opened();
  model.save_changes = model.send = () => {
    throw new Error("Cannot send");
  };
  store.edit(with_("a"));
  assert.equal(store.silent, true);
  store.ask("save");
  store.edit(with_("b"));
  assert.equal(now(store), "b");
  store.dispose();
});

test("edits outlive their kernel, and are offered to the next editor of the same schedule", () => {
  const kept = new Map();
  const storage = {
    getItem: (k) => kept.get(k) ?? null,
    setItem: (k, v) => kept.set(k, v),
    removeItem: (k) => kept.delete(k),
  };
  const first = opened(storage);
  first.store.edit(with_("a"));
  first.store.edit(with_("b"));
  first.store.dispose();
  const second = opened(storage);
  assert.ok(second.store.lost);
  second.store.restore();
  assert.equal(now(second.store), "b");
  assert.equal(second.store.lost, null);
  second.store.undo();
  assert.equal(now(second.store), "");
  second.store.dispose();
});

test("a page without storage, or with nonsense in it, works", () => {
  const broken = {
    getItem: () => {
      throw new Error("no");
    },
    setItem: () => {
      throw new Error("no");
    },
  };
  for (const storage of [broken, { getItem: () => "{", setItem() {} }]) {
    const { store } = opened(storage);
    store.edit(with_("a"));
    assert.equal(store.lost, null);
    store.dispose();
  }
});

test("a button's message is sent as it is", () => {
  const { model, store } = opened();
  store.edit(with_("a"));
  store.edit(with_("b"));
  store.ask("save", { path: "x.yaml" });
  assert.deepEqual(model.messages, [{ kind: "save", path: "x.yaml" }]);
  store.dispose();
});

test("a proposal of the kernel is one step of undo, which gives the windows back that were there", () => {
  const { model, store } = opened();
  store.edit(with_("own"));
  model.answer(store.draft);
  model.push({ author: "kernel", revision: store.draft.revision + 1, ...with_("proposed"), faults: [] });
  assert.equal(now(store), "proposed");
  store.undo();
  assert.equal(now(store), "own");
  assert.deepEqual(model.sent.at(-1).deployments, ["own"]); // the kernel hears of it, too
  store.redo();
  assert.equal(now(store), "proposed");
  store.dispose();
});
