const TOKEN = / ?[\p{L}\p{M}]{1,6}| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]{1,2}|\s+/gu;

/** Splits text into what the simulated partners bill as tokens: about four characters each. The parts joined are the
 *  text again; linear in its length. */
export function tokenise(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/** How many tokens {@link tokenise} finds. */
export function countTokens(text: string): number {
  return tokenise(text).length;
}

/** Joins tokens into pieces of one to three, as vendors put them into the events of a stream. `random`: values in [0, 1). */
export function groupTokens(tokens: readonly string[], random: () => number): { text: string; tokens: number }[] {
  const pieces: { text: string; tokens: number }[] = [];
  for (let at = 0; at < tokens.length;) {
    const piece = tokens.slice(at, at + 1 + Math.floor(random() * 3));
    pieces.push({ text: piece.join(''), tokens: piece.length });
    at += piece.length;
  }
  return pieces;
}
