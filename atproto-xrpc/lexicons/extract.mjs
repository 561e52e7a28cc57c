// Writes the Lexicon documents of the pinned `@atproto/api` to `documents/`, which is not committed.
//
//     npm ci --prefix atproto-xrpc/lexicons && node atproto-xrpc/lexicons/extract.mjs
import { schemas } from '@atproto/api'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

// The package writes references as `lex:` URIs, which documents do not.
const plain = (_, value) => (typeof value === 'string' ? value.replace(/^lex:/, '') : value)

const folder = join(import.meta.dirname, 'documents')
rmSync(folder, { recursive: true, force: true })
for (const document of schemas) {
  const file = join(folder, ...document.id.split('.')) + '.json'
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(document, plain, 2))
}
console.log(`${schemas.length} documents in ${folder}`)
