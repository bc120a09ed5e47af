/** What each setting of a shop is called on the page, how it is filled in, and what it does. */

const LOCALES = [["en", "English"], ["de", "German"], ["fr", "French"], ["es", "Spanish"], ["it", "Italian"], ["nl", "Dutch"], ["pt", "Portuguese"]];
const YES_NO = [["true", "yes"], ["false", "no"]];

/** Groups of `[name, label, kind, hint]`; kinds: text, lines, number, json, or the options of a choice. */
export const GROUPS = {
  "How the chat looks": [
    ["branding.title", "Title of the chat", "text", "Stands at the top of the chat, 1 to 80 characters."],
    ["branding.color", "Colour", "text", "Written as #rrggbb."],
    ["branding.logo_url", "Picture", "text", "A whole address that begins with https://."],
    ["locale", "Language", LOCALES, "Of the assistant's own phrases, where the customer's is not known."],
  ],
  "When a person is needed": [
    ["office_hours", "Office hours", "lines", "One span a line, such as mon-fri 09:00-18:00. None is always open."],
    ["timezone", "Time zone", "text", "Of the office hours, such as Europe/Berlin."],
    ["sla_minutes", "Answered within, minutes", "number", "Who waits longer for a person counts as late."],
    ["handoff_mail_to", "Mail to", "lines", "One address a line. They are told when somebody begins to wait, or waits too long."],
    ["webhook_url", "Webhook", "text", "Where your own service is told of handoffs."],
  ],
  Answers: [
    ["faq_threshold", "Least score of an answer", "number", "From 0 to 1: a higher one answers less and is wrong less often."],
    ["promised_error", "Promised share of wrong intents", "number", "Above 0 and below 0.5. Refused where your examples do not prove it."],
    ["double_texting", "A second message meanwhile", [["reject", "is refused"], ["queue", "waits for its turn"], ["interrupt", "stops the answer and takes its place"]], "What happens when a customer writes before the answer is there."],
    ["intent_pack", "Intents", "text", "The file of intents and canned replies that the shop began with."],
    ["order_patterns", "Order numbers", "lines", "One regular expression a line."],
    ["return_days", "Days to return", "number", "After delivery. Without it your shop decides."],
    ["return_exceptions", "Never returned", "lines", "One category a line."],
  ],
  "Models and what they cost": [
    ["external_models", "External models", YES_NO, "Whether a model outside this installation may be asked."],
    ["external_fallback", "Fall back to an external model", YES_NO, "When the local one does not answer."],
    ["models", "Models", "lines", "One name a line. Without any, every one that the desk has."],
    ["budget_usd_per_day", "Budget a day, US$", "number", "For all customers together. Without it there is no bound."],
    ["budget_usd_per_month", "Budget a month, US$", "number", "Without it there is no bound."],
    ["user_budget_usd_per_day", "Budget a day and customer, US$", "number", "Without it there is no bound."],
    ["user_budget_usd_per_month", "Budget a month and customer, US$", "number", "Without it there is no bound."],
  ],
  Limits: [
    ["rate_limit_per_minute", "Requests a minute and caller", "number", "Without it, the installation's own."],
    ["rate_limit_per_hour", "Requests an hour and caller", "number", "Without it, the installation's own."],
    ["tenant_rate_limit_per_minute", "Requests a minute, all together", "number", "Without it, the installation's own."],
    ["tenant_rate_limit_per_hour", "Requests an hour, all together", "number", "Without it, the installation's own."],
    ["self_registration", "Anybody may make an account", YES_NO, "For a mail address that they can read."],
  ],
  "How long things are kept": [
    ["retention_days", "Conversations, days", "number", "After the last message."],
    ["retention.messages", "Messages, days", "number", "Single turns of conversations that go on."],
    ["retention.steps", "Steps, days", "number", "What each node changed; the playground needs them."],
    ["retention.events", "Log of handoffs, days", "number", "Who took what, and when."],
    ["retention.feedback", "Ratings, days", "number", "With their comments."],
    ["retention.dead_letters", "Turns nobody could answer, days", "number", "They wait to be tried again or dropped."],
    ["retention.audit", "Audit, days", "number", "At least 30; without it, for ever."],
  ],
  Connections: [
    ["shop_api_url", "Order service", "text", "A whole address that begins with https://."],
    ["http_tools", "Own operations as tools", "json", "A list, as JSON."],
    ["mcp_servers", "Own MCP servers", "json", "A list, as JSON."],
  ],
};
