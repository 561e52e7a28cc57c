// Answers the questions of `atp conformance` with the reference implementation:
//
//   npm ci && atp conformance -- node driver.mjs
//
// CONFORMANCE.md says what the questions and the answers are.
import { getHandle, getPdsEndpoint, getSigningDidKey } from '@atproto/common-web'
import { P256Keypair, Secp256k1Keypair, parseDidKey, verifySignature } from '@atproto/crypto'
import { decode, decodeAll, encode } from '@atproto/lex-cbor'
import { cidForCbor, isPlainObject, parseCid } from '@atproto/lex-data'
import { lexParse } from '@atproto/lex-json'
import { Lexicons, jsonToLex, parseLexiconDoc } from '@atproto/lexicon'
import { normalizeAtprotoOauthScopeValue } from '@atproto/oauth-scopes'
import { DataDiff, MST, MemoryBlockstore, mstUtil, parseDataKey, readCarWithRoot, verifyProofs, verifyRepoCar } from '@atproto/repo'
import { createInterface } from 'node:readline'

const UNSUPPORTED = { verdict: 'unsupported' }
const VALID = { verdict: 'valid' }

const bytes = ({ $bytes }) => new Uint8Array(Buffer.from($bytes, 'base64'))
const toBytes = (data) => ({ $bytes: Buffer.from(data).toString('base64').replace(/=+$/, '') })
const sorted = (cids) => Array.from(cids, String).sort()

function demand(condition, message) {
  if (!condition) throw new Error(message)
}

// A string of each format, as a property: what Lexicon says of it.
const ofFormat = (format) => ({
  lexicon: 1,
  id: 'com.example.format',
  defs: { main: { type: 'object', required: ['text'], properties: { text: { type: 'string', format } } } },
})

const answers = {
  syntax({ format, text }) {
    const { success } = new Lexicons([ofFormat(format)]).validate('com.example.format', { text })
    return { verdict: success ? 'valid' : 'invalid' }
  },

  // Of DRISL it has the part that is the data model.
  async cbor({ profile, bytes: block }) {
    if (profile !== 'atproto') return UNSUPPORTED
    const again = encode(decode(bytes(block)))
    return { ...VALID, cid: (await cidForCbor(bytes(block))).toString(), again: toBytes(again) }
  },

  cbor_record({ bytes: block }) {
    demand(isPlainObject(decode(bytes(block))), 'not an object')
    return VALID
  },

  async json_record({ json }) {
    const record = lexParse(json, { strict: true })
    demand(isPlainObject(record), 'not an object')
    const block = encode(record)
    return { ...VALID, cid: (await cidForCbor(block)).toString(), cbor: toBytes(block) }
  },

  frame({ bytes: frame }) {
    const [header, body, ...more] = decodeAll(bytes(frame))
    demand(isPlainObject(header) && isPlainObject(body) && !more.length, 'not two objects')
    demand(Number.isInteger(header.op), 'no operation')
    demand(header.op !== 1 || typeof header.t === 'string', 'no type')
    demand(header.op !== -1 || typeof body.error === 'string', 'no name of an error')
    return VALID
  },

  lexicon({ document }) {
    parseLexiconDoc(document)
    return VALID
  },

  // It does not look at the record key.
  record({ documents, collection, record }) {
    const lexicons = new Lexicons(documents)
    lexicons.assertValidRecord(collection, jsonToLex(record))
    return VALID
  },

  did_key({ text }) {
    parseDidKey(text)
    return VALID
  },

  async public_key({ curve, secret }) {
    const pair = { 'K-256': Secp256k1Keypair, 'P-256': P256Keypair }[curve]
    return { ...VALID, did_key: (await pair.import(bytes(secret))).did() }
  },

  async signature({ key, message, signature }) {
    demand(await verifySignature(key, bytes(message), bytes(signature)), 'not by this key')
    return VALID
  },

  did_document({ document }) {
    return {
      ...VALID,
      handle: getHandle(document) ?? null,
      pds: getPdsEndpoint(document) ?? null,
      key: getSigningDidKey(document) ?? null,
    }
  },

  scope: ({ text }) => ({ verdict: normalizeAtprotoOauthScopeValue(text) === null ? 'invalid' : 'valid' }),

  layer: async ({ key }) => ({ ...VALID, layer: await mstUtil.leadingZerosOnHash(key) }),

  async tree({ car, entries }) {
    if (entries) {
      let tree = await MST.create(new MemoryBlockstore())
      for (const { key, value } of entries) tree = await tree.add(key, parseCid(value))
      return { ...VALID, root: (await tree.getPointer()).toString() }
    }
    const { root, blocks } = await readCarWithRoot(bytes(car))
    const leaves = await MST.load(new MemoryBlockstore(blocks), root).leaves()
    return { ...VALID, root: root.toString(), keys: leaves.length }
  },

  async diff({ before, after }) {
    const [from, to] = await Promise.all([before, after].map((car) => readCarWithRoot(bytes(car))))
    const store = new MemoryBlockstore(from.blocks)
    await store.putMany(to.blocks)
    const found = await DataDiff.of(MST.load(store, to.root), MST.load(store, from.root))
    const op = (key, old, value) => ({ rpath: key, old_value: old?.toString() ?? null, new_value: value?.toString() ?? null })
    const ops = [
      ...found.addList().map(({ key, cid }) => op(key, null, cid)),
      ...found.updateList().map(({ key, prev, cid }) => op(key, prev, cid)),
      ...found.deleteList().map(({ key, cid }) => op(key, cid, null)),
    ]
    // It keeps the CIDs of removed records and nodes in one set.
    const records = new Set(ops.map(({ old_value }) => old_value))
    return {
      ...VALID,
      record_ops: ops.sort((a, b) => (a.rpath < b.rpath ? -1 : 1)),
      created_nodes: sorted(found.newMstBlocks.cids()),
      deleted_nodes: sorted(found.removedCids.toList()).filter((cid) => !records.has(cid)),
    }
  },

  async repo({ car, did, key }) {
    const { creates, commit } = await verifyRepoCar(bytes(car), did, key)
    return { ...VALID, rev: commit.rev, records: creates.length }
  },

  async proof({ car, did, key, path }) {
    const { collection, rkey } = parseDataKey(path)
    // It is asked for a claim; the record that is there is found in the tree.
    const { blocks, root } = await readCarWithRoot(bytes(car))
    const store = new MemoryBlockstore(blocks)
    const { data } = decode(blocks.get(root) ?? demand(false, 'missing commit'))
    const cid = await MST.load(store, data).get(path)
    const { verified } = await verifyProofs(bytes(car), [{ collection, rkey, cid }], did, key)
    demand(verified.length === 1, 'not verified')
    return { ...VALID, record: cid?.toString() ?? null }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    const ask = Object.hasOwn(answers, request.op) ? answers[request.op] : () => UNSUPPORTED
    answer = await ask(request)
  } catch (error) {
    // Its class is not exported.
    const isOfBlocks = ['repo', 'proof', 'tree', 'diff'].includes(request.op)
    const isMissing = isOfBlocks && /missing/i.test(`${error?.constructor?.name} ${error?.message}`)
    const verdict = isMissing ? 'incomplete' : 'invalid'
    answer = { verdict, reason: String(error?.message ?? error) }
  }
  console.log(JSON.stringify({ ...answer, id: request.id }))
}
