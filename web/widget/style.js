/** The widget's one stylesheet, constructed, so that a page may forbid inline styles. Logical properties: RTL-safe. */

const CSS = `
:host {
  all: initial;
  --ink: #1d2624; --soft: #55615d; --line: #dfe4e1; --paper: #ffffff; --wash: #f4f6f4; --alarm: #9b1c1c;
  position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000;
  color-scheme: light; color: var(--ink);
  font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; margin: 0; }
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; }
button:disabled, [aria-disabled="true"] { cursor: not-allowed; }
:focus-visible { outline: 3px solid var(--accent-text); outline-offset: 2px; }
.icon { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

/* What the page says comes before what the tenant's branding says. */
.root {
  --accent: var(--deskgraph-accent, var(--brand, #1f5a4c));
  --on-accent: var(--deskgraph-on-accent, var(--on-brand, #ffffff));
  --accent-text: var(--deskgraph-accent, var(--brand-text, #1f5a4c));
}
.launcher {
  display: grid; place-items: center; width: 60px; height: 60px; border: 0; border-radius: 50%;
  background: var(--accent); color: var(--on-accent); box-shadow: 0 6px 20px rgb(20 40 34 / .28);
  transition: transform .15s ease;
}
.launcher:hover { transform: translateY(-2px); }
.launcher .icon { width: 28px; height: 28px; }
.badge {
  position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-width: 24px; padding-inline: 6px;
  border-radius: 12px; background: var(--alarm); color: #ffffff; font-size: 14px; font-weight: 650; line-height: 24px; text-align: center;
}

.panel {
  --covers: 0;
  display: flex; flex-direction: column; width: 392px; height: min(660px, calc(100dvh - 40px)); overflow: hidden;
  background: var(--paper); border-radius: 18px; box-shadow: 0 16px 48px rgb(20 40 34 / .24), 0 0 0 1px rgb(20 40 34 / .07);
  animation: rise .18s ease-out;
}
header { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding-block: 16px; padding-inline: 20px 12px; background: var(--accent); color: var(--on-accent); }
header div { flex: 1; min-width: 0; }
.logo { flex: none; width: 40px; height: 40px; border-radius: 10px; object-fit: contain; background: var(--paper); }
h2 { font-size: 17px; font-weight: 650; line-height: 1.25; overflow-wrap: anywhere; }
header p { font-size: 13px; }
.close { display: grid; place-items: center; flex: none; width: 44px; height: 44px; border: 0; border-radius: 12px; background: none; }
.close:hover { background: rgb(255 255 255 / .14); }
header :focus-visible { outline-color: var(--on-accent); outline-offset: -4px; }

.scroller { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 8px; background: var(--wash); }
.scroller:focus-visible { outline-offset: -3px; }
.log { display: flex; flex-direction: column; }
.message { display: flex; flex-direction: column; align-items: flex-start; gap: 6px; max-width: 88%; margin-block-end: 14px; position: relative; }
.message.user { align-self: flex-end; align-items: flex-end; }
.bubble {
  max-width: 100%; padding: 9px 14px; border-radius: 16px; border-end-start-radius: 5px; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--paper); box-shadow: 0 0 0 1px var(--line);
}
.item { display: block; padding-inline-start: .7em; text-indent: -.7em; }
.user .bubble { background: var(--accent); color: var(--on-accent); box-shadow: none; border-end-start-radius: 16px; border-end-end-radius: 5px; }
.agent .bubble { background: #fdf6e3; }
.who { font-size: 13px; font-weight: 600; color: var(--soft); }
a { color: inherit; }

.progress { display: flex; align-items: center; gap: 10px; min-height: 24px; padding-inline-start: 4px; font-size: 13px; color: var(--soft); }
.dots { display: inline-flex; gap: 4px; }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--soft); animation: breathe 1.2s infinite ease-in-out; }
.dots i:nth-child(2) { animation-delay: .15s; }
.dots i:nth-child(3) { animation-delay: .3s; }

.sources { max-width: 100%; font-size: 13px; color: var(--soft); }
summary { padding: 4px 6px; border-radius: 6px; cursor: pointer; font-weight: 600; }
.sources ol { padding-inline-start: 26px; }
.sources li { margin-block: 6px; overflow-wrap: anywhere; }
.sources strong { color: var(--ink); }
blockquote { margin-block-start: 2px; padding-inline-start: 10px; border-inline-start: 3px solid var(--line); white-space: pre-wrap; }

.offer { width: 100%; padding: 12px 14px; background: var(--paper); border-radius: 12px; box-shadow: 0 0 0 1px var(--line); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin-block: 6px 10px; font-size: 14px; }
dt { color: var(--soft); }
dd { overflow-wrap: anywhere; }
.confirm { min-height: 40px; padding: 6px 18px; border: 0; border-radius: 10px; background: var(--accent); color: var(--on-accent); font-weight: 600; }
.ended { margin-block-start: 8px; color: var(--soft); font-size: 14px; }
.confirm:disabled { background: #e3e7e5; color: var(--soft); }

.rating { display: flex; gap: 2px; }
.thumb { display: grid; place-items: center; width: 32px; height: 32px; border: 0; border-radius: 8px; background: none; color: var(--soft); }
.thumb .icon { width: 17px; height: 17px; }
.thumb:hover { background: #e6ebe8; }
.thumb[aria-pressed="true"] { color: var(--accent-text); background: #dcebe5; }
.thumb[aria-pressed="true"] .icon { fill: currentColor; fill-opacity: .25; }
.choices { display: flex; flex-wrap: wrap; gap: 8px; }
.choices button {
  min-height: 36px; padding: 5px 14px; border: 1.5px solid var(--accent-text); border-radius: 18px; background: var(--paper);
  color: var(--accent-text); font-size: 14px; font-weight: 550; text-align: start; overflow-wrap: anywhere;
}
.choices button:hover, .again:hover { background: #eaf2ee; }

.notice { align-self: stretch; margin-block-end: 14px; padding: 8px 12px; border-radius: 10px; font-size: 14px; background: #e8eef6; color: #22405f; overflow-wrap: anywhere; }
.notice.degraded { background: #fdf3dc; color: #6b4a00; }
.notice.receipt { padding: 0 4px; background: none; color: var(--soft); font-size: 13px; text-align: end; }
.notice.error { background: #fdeceb; color: var(--alarm); }
.again { margin-block-start: 6px; min-height: 36px; padding: 4px 14px; border: 1.5px solid currentColor; border-radius: 10px; background: var(--paper); font-weight: 600; }

footer { padding: 8px 12px 12px; background: var(--paper); border-block-start: 1px solid var(--line); }
.person { display: inline-flex; align-items: center; gap: 7px; min-height: 36px; padding: 4px 8px; border: 0; border-radius: 8px; background: none; color: var(--accent-text); font-size: 14px; font-weight: 600; text-align: start; }
.person:hover { background: var(--wash); }
.person .icon { flex: none; width: 18px; height: 18px; }
.composer { display: flex; align-items: flex-end; gap: 8px; margin-block-start: 4px; }
textarea { flex: 1; min-width: 0; max-height: 132px; padding: 10px 14px; border: 1.5px solid #87938e; border-radius: 14px; background: var(--paper); line-height: 1.4; font-size: 16px; resize: none; }
textarea:focus-visible { outline-offset: -1px; outline-width: 2px; }
textarea::placeholder { color: var(--soft); opacity: 1; }
.send { display: grid; place-items: center; flex: none; width: 45px; height: 45px; border: 0; border-radius: 14px; background: var(--accent); color: var(--on-accent); }
.send[aria-disabled="true"] { background: #e3e7e5; color: var(--soft); }

@keyframes rise { from { opacity: 0; transform: translateY(12px); } }
@keyframes breathe { 0%, 60%, 100% { opacity: .25; } 30% { opacity: 1; } }
@media (max-width: 480px), (max-height: 420px) {
  .panel { --covers: 1; position: fixed; inset: 0; width: auto; height: 100dvh; border-radius: 0; box-shadow: none; }
}
@media (pointer: coarse) { .thumb { width: 44px; height: 44px; } }
@media (prefers-reduced-motion: reduce) {
  * { animation: none !important; transition: none !important; }
  .dots i { opacity: .6; }
}
@media (forced-colors: active) {
  .bubble, .panel, .launcher, .badge, .offer, .notice, .send, .confirm { border: 1px solid; }
}
`;

export const STYLE = new CSSStyleSheet();
STYLE.replaceSync(CSS);
