/**
 * The one file a page embeds: `<script src="/widget.js" defer></script>` + `<deskgraph-chat></deskgraph-chat>`.
 *
 * Written without a static import, so it works as a classic script and as a module, and from another origin.
 */
{
  const here = document.currentScript?.src ?? document.querySelector('script[src*="/widget.js"]')?.src;
  const origin = new URL(here ?? "/widget.js", document.baseURI);
  import(new URL("widget/chat.js", origin).href)
    .then(({ DeskgraphChat }) => {
      if (!customElements.get("deskgraph-chat")) customElements.define("deskgraph-chat", DeskgraphChat);
    })
    .catch((failure) => console.error("deskgraph: the chat widget could not be loaded", failure));
}
