// Checks what atproto-repo makes with the reference implementation, @atproto/repo:
//
//   npm ci && node check.mjs < lines
//
// Each line of the input is one of these questions in JSON, and each line of the output is the answer to it, `{"ok":true,…}` or
// `{"ok":false,"error":…}`. CIDs are in their text form, paths of files are seen from the working directory.
//
//   {"kind":"repo","car","did","key"[,"list":true]}  → records, commit, rev, data, sha256[, paths: [[path, cid], …]]
//       A full export. `sha256` is that of all `path cid\n`, sorted by path.
//   {"kind":"proof","car","did","key","claims":[{"collection","rkey","cid":cid|null}]}  → verified, unverified (how many)
//   {"kind":"commit","frame","did","key"}  → commit, rev, data, ops, verified, inversion
//       One message of a firehose. `ok` says that all blocks are what their CIDs say, that the commit is signed and is the one of
//       the message, and that each operation is in the tree. `inversion` says what came of undoing them all: "verified",
//       "missing CID" or "not checked". A root other than `prevData` is an error.
//   {"kind":"mst","root","pairs":[[key, cid], …]}  → root (the one found; `ok` where it is the one asked about), nodes
//   {"kind":"diff","car","from":cid|null,"to"}  → created, updated, deleted (paths), newNodes, removedNodes
import { MST, DataDiff, MemoryBlockstore, def, readCar, readCarWithRoot, verifyProofs, verifyRepoCar } from '@atproto/repo'
import { decodeAll } from '@atproto/lex-cbor'
import { parseCid } from '@atproto/lex-data'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'

const checks = { repo, proof, commit, mst, diff }
const cidOrNull = (text) => (text === null ? null : parseCid(text))
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0)
const sorted = (cids) => Array.from(cids, String).sort(byText)

function demand(condition, message) {
  if (!condition) throw new Error(message)
}

async function repo({ car, did, key, list }) {
  const { creates, commit } = await verifyRepoCar(await readFile(car), did, key)
  const paths = creates.map((create) => [`${create.collection}/${create.rkey}`, create.cid.toString()])
  paths.sort(([a], [b]) => byText(a, b))
  const hash = createHash('sha256')
  for (const [path, cid] of paths) hash.update(`${path} ${cid}\n`)
  const { data } = await new MemoryBlockstore(commit.newBlocks).readObj(commit.cid, def.commit)
  return {
    records: paths.length,
    commit: commit.cid.toString(),
    rev: commit.rev,
    data: data.toString(),
    sha256: hash.digest('hex'),
    ...(list && { paths }),
  }
}

async function proof({ car, did, key, claims }) {
  const asked = claims.map((claim) => ({ ...claim, cid: cidOrNull(claim.cid) }))
  const { verified, unverified } = await verifyProofs(await readFile(car), asked, did, key)
  return { verified: verified.length, unverified: unverified.length }
}

async function commit({ frame, did, key }) {
  const [header, event, ...more] = decodeAll(await readFile(frame))
  demand(header.op === 1 && header.t === '#commit' && event && !more.length, 'not a #commit')
  demand(event.repo === did, `a commit of ${event.repo}`)
  const { root, blocks } = await readCarWithRoot(event.blocks)
  demand(root.equals(event.commit), `the root ${root} is not the commit ${event.commit}`)
  const store = new MemoryBlockstore(blocks)
  const signed = await store.readObj(root, def.commit)
  demand(signed.rev === event.rev, `the commit has rev ${signed.rev}, the message ${event.rev}`)
  for (const { action, cid, prev } of event.ops) {
    demand(!cid === (action === 'delete') && !prev === (action === 'create'), `cid or prev of a ${action}`)
  }
  // This checks the signature as well, and that the record of each create and update is there.
  const claims = event.ops.map(({ path, cid }) => {
    const [collection, rkey] = path.split('/')
    return { collection, rkey, cid }
  })
  const { verified, unverified } = await verifyProofs(event.blocks, claims, did, key)
  demand(!unverified.length, `not in the tree: ${unverified.map((claim) => `${claim.collection}/${claim.rkey}`)}`)
  return {
    commit: root.toString(),
    rev: signed.rev,
    data: signed.data.toString(),
    ops: event.ops.length,
    verified: verified.length,
    inversion: await invert(MST.load(store, signed.data), event),
  }
}

// Undoes the operations on the part of the tree that is there, deletions first.
async function invert(tree, { ops, prevData }) {
  if (!prevData) return 'not checked'
  try {
    for (const { path, prev } of ops.filter(({ action }) => action === 'delete')) tree = await tree.add(path, prev)
    for (const { action, path, prev } of ops) {
      if (action === 'update') tree = await tree.update(path, prev)
      if (action === 'create') tree = await tree.delete(path)
    }
  } catch (error) {
    // Its class is not exported.
    if (error.constructor.name === 'MissingBlockError') return `missing ${error.cid}`
    throw error
  }
  const root = await tree.getPointer()
  demand(root.equals(prevData), `the tree before was ${root}, the message says ${prevData}`)
  return 'verified'
}

async function mst({ root, pairs }) {
  let tree = await MST.create(new MemoryBlockstore())
  for (const [key, cid] of pairs) tree = await tree.add(key, parseCid(cid))
  const found = (await tree.getPointer()).toString()
  demand(found === root, `the root is ${found}`)
  const nodes = (await tree.allNodes()).filter((node) => node.isTree())
  return { root: found, nodes: nodes.length }
}

async function diff({ car, from, to }) {
  const store = new MemoryBlockstore((await readCar(await readFile(car))).blocks)
  const before = from === null ? null : MST.load(store, parseCid(from))
  const found = await DataDiff.of(MST.load(store, parseCid(to)), before)
  // It keeps the CIDs of removed records and nodes in one set.
  const records = new Set([
    ...found.deleteList().map(({ cid }) => cid.toString()),
    ...found.updateList().map(({ prev }) => prev.toString()),
  ])
  return {
    created: found.addList().map(({ key }) => key),
    updated: found.updateList().map(({ key }) => key),
    deleted: found.deleteList().map(({ key }) => key),
    newNodes: sorted(found.newMstBlocks.cids()),
    removedNodes: sorted(found.removedCids.toList()).filter((cid) => !records.has(cid)),
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue
  let answer
  try {
    const question = JSON.parse(line)
    demand(Object.hasOwn(checks, question.kind), `no kind ${question.kind}`)
    answer = { ok: true, ...(await checks[question.kind](question)) }
  } catch (error) {
    answer = { ok: false, error: String(error?.message ?? error) }
  }
  console.log(JSON.stringify(answer))
}
