/** Storage throws where the browser forbids it; what would be kept then lasts as long as the page. */
export function stored(use) {
  try {
    return use();
  } catch {
    return null;
  }
}
