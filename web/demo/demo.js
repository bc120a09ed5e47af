/** Every button with `data-ask` asks the chat that question. */

const chat = document.querySelector("deskgraph-chat");

for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", async () => {
    await customElements.whenDefined("deskgraph-chat");
    chat.ask(button.dataset.ask);
  });
}
