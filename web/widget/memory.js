/** What a tab remembers of its conversation: which one it is, and the turn that is on its way. */

import { stored } from "./storage.js";

export class Memory {
  #server;
  #conversation = null; // as long as the page lives, where the browser keeps nothing

  /** `server()` gives the origin whose conversation it is. */
  constructor(server) {
    this.#server = server;
  }

  get #name() {
    return `deskgraph:conversation:${this.#server()}`;
  }

  get conversation() {
    return this.#conversation ?? stored(() => sessionStorage.getItem(this.#name));
  }

  set conversation(id) {
    this.#conversation = id;
    stored(() => sessionStorage.setItem(this.#name, id));
  }

  /** After a reload it is asked for again, with its key. */
  get turn() {
    return stored(() => JSON.parse(sessionStorage.getItem(`${this.#name}:turn`)));
  }

  set turn(turn) {
    const name = `${this.#name}:turn`;
    stored(() => (turn ? sessionStorage.setItem(name, JSON.stringify(turn)) : sessionStorage.removeItem(name)));
  }

  forget() {
    this.#conversation = this.turn = null;
    stored(() => sessionStorage.removeItem(this.#name));
  }
}
