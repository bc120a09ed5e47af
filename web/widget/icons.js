/** The widget's icons: SVG path data on a 24 x 24 grid, drawn as lines. */

export const CHAT = "M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM7.5 9.5h9M7.5 12.8h6";
export const CLOSE = "M6 6l12 12M18 6L6 18";
export const SEND = "M12 19V5M6 11l6-6 6 6";
export const UP = "M7 11v9H4v-9h3zm0 0l4-8c1.7 0 2.5 1 2.5 2.5V9H19a1.5 1.5 0 0 1 1.5 1.8l-1.4 7.7A1.8 1.8 0 0 1 17.3 20H7";
export const DOWN = "M17 13V4h3v9h-3zm0 0l-4 8c-1.7 0-2.5-1-2.5-2.5V15H5a1.5 1.5 0 0 1-1.5-1.8l1.4-7.7A1.8 1.8 0 0 1 6.7 4H17";
export const PERSON = "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.8-4 3.8-6 7.5-6s6.7 2 7.5 6";
