// Decides about views, and reads and edits text, with the reference implementation, @atproto/api:
//
//   npm ci && node answer.mjs < lines
//
// Each line of the input is a question in JSON, and each line of the output is the answer to it.
//
//   {"kind":"labelers","labelers":[view, …]} → {}
//       Their definitions count from here on.
//   {"kind":"profile"|"status"|"post"|"notification"|"feedGenerator"|"userList","subject","user","prefs","now"}
//       `prefs` are those of the package, and `now` is a time in ISO 8601.
//     → {"did","isMe","causes":[cause, …],"ui":{context:{"filters","blurs","alerts","informs","noOverride"}, …}}
//       The four are places in `causes`.
//   {"kind":"preferences","preferences":[item, …],"appLabelers":[did, …]}
//     → {"adultContentEnabled","labels","labelers","mutedWords":[word, …],"hiddenPosts"}
//   {"kind":"facets","text"}
//     → {"facets":[[byteStart, byteEnd, kind, value], …]}, in the order of their starts
//   {"kind":"segments","text","facets":[[byteStart, byteEnd], …]}
//     → {"segments":[[text, place in `facets` or null], …]}
//   {"kind":"edit","text","facets":[[byteStart, byteEnd], …],"edits":[{"at","insert"}|{"from","to"}, …]}
//     → {"text","facets":[[byteStart, byteEnd, place in the question's facets], …]}
import {
  Agent,
  RichText,
  interpretLabelValueDefinitions,
  moderateFeedGenerator,
  moderateNotification,
  moderatePost,
  moderateProfile,
  moderateStatus,
  moderateUserList,
} from '@atproto/api'
import { createInterface } from 'node:readline'

const CONTEXTS = 'profileList profileView avatar banner displayName contentList contentView contentMedia'.split(' ')
const moderators = {
  profile: moderateProfile,
  status: moderateStatus,
  post: moderatePost,
  notification: moderateNotification,
  feedGenerator: moderateFeedGenerator,
  userList: moderateUserList,
}

// The package asks the clock when it looks for muted words.
const RealDate = Date
let now
globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length || !now ? args : [now]))
  }
}

let labelDefs = {}

function labelers({ labelers }) {
  labelDefs = Object.fromEntries(
    labelers.map((labeler) => [labeler.creator.did, interpretLabelValueDefinitions(labeler)]),
  )
  return {}
}

function moderate({ kind, subject, user, prefs, now: time }) {
  now = time
  const decision = moderators[kind](subject, { userDid: user ?? undefined, prefs, labelDefs })
  const places = (causes) => causes.map((cause) => decision.causes.indexOf(cause))
  const ui = {}
  for (const context of CONTEXTS) {
    const { filters, blurs, alerts, informs, noOverride } = decision.ui(context)
    ui[context] = {
      filters: places(filters),
      blurs: places(blurs),
      alerts: places(alerts),
      informs: places(informs),
      noOverride,
    }
  }
  return { did: decision.did, isMe: decision.isMe, causes: decision.causes.map(summary), ui }
}

function summary(cause) {
  const { source } = cause
  const plain = {
    type: cause.type,
    source: source.type === 'list' ? `list ${source.list.uri}` : source.type === 'labeler' ? `labeler ${source.did}` : 'user',
    priority: cause.priority,
    downgraded: !!cause.downgraded,
  }
  if (cause.type === 'label') {
    plain.label = [cause.label.src, cause.label.uri, cause.label.val]
    plain.definition = [
      cause.labelDef.identifier,
      cause.labelDef.definedBy ?? null,
      cause.labelDef.severity,
      cause.labelDef.blurs,
      cause.labelDef.defaultSetting,
    ]
    plain.target = cause.target
    plain.setting = cause.setting
    plain.noOverride = cause.noOverride
  }
  if (cause.type === 'mute-word') plain.matches = cause.matches.map(({ word, predicate }) => [word.value, predicate])
  return plain
}

async function preferences({ preferences, appLabelers }) {
  Agent.configure({ appLabelers })
  const fetchHandler = async () => Response.json({ preferences })
  const { moderationPrefs } = await new Agent({ did: undefined, fetchHandler }).getPreferences()
  return { ...moderationPrefs, mutedWords: moderationPrefs.mutedWords.map(({ value }) => value) }
}

function facets({ text }) {
  const rich = new RichText({ text })
  rich.detectFacetsWithoutResolution()
  return {
    facets: (rich.facets ?? []).map(({ index, features: [feature] }) => {
      const kind = feature.$type.split('#')[1]
      return [index.byteStart, index.byteEnd, kind, feature.did ?? feature.uri ?? feature.tag]
    }),
  }
}

const numbered = (facets) =>
  facets.map(([byteStart, byteEnd], place) => ({
    index: { byteStart, byteEnd },
    features: [{ $type: 'app.bsky.richtext.facet#tag', tag: String(place) }],
  }))
const place = (facet) => Number(facet.features[0].tag)

function segments({ text, facets }) {
  const rich = new RichText({ text, facets: numbered(facets) })
  return { segments: Array.from(rich.segments(), ({ text, facet }) => [text, facet ? place(facet) : null]) }
}

function edit({ text, facets, edits }) {
  const rich = new RichText({ text, facets: numbered(facets) })
  for (const { at, insert, from, to } of edits) {
    if (insert !== undefined) rich.insert(at, insert)
    else rich.delete(from, to)
  }
  const left = (rich.facets ?? []).map((facet) => [facet.index.byteStart, facet.index.byteEnd, place(facet)])
  return { text: rich.text, facets: left }
}

const answers = { labelers, preferences, facets, segments, edit }
for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue
  const question = JSON.parse(line)
  const answer = answers[question.kind] ?? moderate
  process.stdout.write(`${JSON.stringify(await answer(question))}\n`)
}
