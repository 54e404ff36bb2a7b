import type { BundleManifest } from '../domain/bundle.js';

/** VERIFY.md: how a stranger checks a bundle, with our verifier or with none of our software. */
export function verifyText(
  { origin, range, mode }: Pick<BundleManifest, 'origin' | 'range' | 'mode'>,
  vkey: string,
): string {
  const note = `checkpoints/${String(range.to)}`;
  return `# How to verify this bundle

**Use your own copy of the verifier**, from the product's release, not the one that lies here: who altered the bundle could have
altered \`verify.mjs\` too. Ask the operator for the verifier key of the log by another way than this bundle and put it into
\`trust/policy.txt\` (see \`policy.example.txt\`).

    node verify.mjs bundle.zip --trust trust

Five lines answer: INTEGRITY (nothing was altered), AUTHENTICITY (by whose key it is signed, and whether you trust that key),
INDEPENDENCE (who outside the operator has signed), COMPLETENESS (whether records were left out), FRESHNESS (up to when it speaks).

What is in here: the evidence log \`${origin}\`, records ${String(range.from)} to before ${String(range.to)}, mode \`${mode}\`.
The bundle names this key; compare it with the one you were given: \`${vkey}\`

## Without our software

1. **Digests.** \`manifest.json\` lists every file with SHA-256, SHA-512 and SHA3-256: \`sha256sum entries.jsonl\`,
   \`openssl dgst -sha3-256 entries.jsonl\`. \`export/record.json\` names the digests of \`manifest.json\` itself and stands in the log.
2. **Signature.** The checkpoint \`${note}\` is a C2SP signed note: text, empty line, \`— name base64(key id ‖ signature)\`.

       sed '/^$/,$d' ${note} > text
       sed -n 's/^— [^ ]* //p' ${note} | head -n 1 | base64 -d | tail -c 64 > signature
       echo '${vkey.split('+').slice(2).join('+')}' | base64 -d | tail -c 32 > key
       (printf '302a300506032b6570032100' | xxd -r -p; cat key) | openssl pkey -pubin -inform DER -out key.pem
       openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature

3. **Tree.** Each line of \`entries.jsonl\` without its line feed is one record; its leaf is SHA-256(0x00 ‖ record), as RFC 6962
   defines the tree. \`positions.csv\` gives the leaf of every index. Go's \`golang.org/x/mod/sumdb/tlog\` makes the root again
   (\`tlog.StoredHashes\`, \`tlog.TreeHash\`) and \`sumdb/note\` opens the checkpoint.
4. **Chains.** \`prev\` of a record holds three digests of the record before it in its lane:
   \`sed -n 1p entries.jsonl | tr -d '\\n' | sha512sum\`.
5. **Disclosures.** A text in \`disclosures.jsonl\` is base64url of \`[salt, name, value]\`; base64url(SHA-256(text)) stands in \`_sd\` of
   its record (RFC 9901): \`printf %s TEXT | openssl dgst -sha256 -binary | basenc --base64url | tr -d =\`.
`;
}

/** policy.example.txt: what a trust file looks like. */
export function policyExample(vkey: string): string {
  return `# Example. Copy it to trust/policy.txt after you compared the key with one you got by another way.
# Format: C2SP tlog-policy.
log ${vkey}
quorum none
`;
}
