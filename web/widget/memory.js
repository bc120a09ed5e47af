/** What a tab remembers of its conversation: which one it is, the turn that is on its way, and what is half written. */

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
    keep(`${this.#name}:turn`, turn && JSON.stringify(turn));
  }

  get draft() {
    return stored(() => sessionStorage.getItem(`${this.#name}:draft`)) ?? "";
  }

  set draft(text) {
    keep(`${this.#name}:draft`, text);
  }

  forget() {
    this.#conversation = this.turn = null;
    keep(this.#name, null);
  }
}

function keep(name, text) {
  stored(() => (text ? sessionStorage.setItem(name, text) : sessionStorage.removeItem(name)));
}
