// The inpatient rule of core_bench (two tiers and catastrophic insurance, at institutions of the city) in two general rule
// engines: bills a second beside the core's, answers checked against the core's to the fen.
//
//   node engines.mjs --program PATH/tongchou --core BILLS_PER_SECOND [--bills N] [--seed S]
import { spawnSync } from 'node:child_process'
import { ZenEngine } from '@gorules/zen-engine'
import { Engine } from 'json-rules-engine'

const options = Object.fromEntries(process.argv.slice(2).map((word, i, all) => [word.replace(/^--/, ''), all[i + 1]]).filter((_, i) => i % 2 === 0))
const bills = makeBills(Number(options.bills ?? 20000), Number(options.seed ?? Date.now() % 1000000))

// ---- bills, and what the core says of them

function makeBills(count, seed) {
  console.log(`seed ${seed}`)
  let state = BigInt(seed)
  const random = (n) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return Number((state >> 33n) % BigInt(n))
  }
  const identities = ['employee', 'retiree', 'resident']
  return Array.from({ length: count }, () => ({
    identity: identities[random(3)],
    level: String(1 + random(3)),
    designated: random(16) !== 0,
    amount: random(random(16) ? 3000000 : 90000000),
    base2: random(3000000),
    base3: random(15000000),
  }))
}

const yuan = (fen) => `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`
const fen = (text) => Number(text.replace('.', ''))

function askCore(some) {
  const lines = some.map((b, i) => JSON.stringify({
    id: String(i),
    person: { identity: b.identity, covered: true, months: { tier1: 60, tier2: 60 } },
    facility: { level: b.level, designated: b.designated },
    visit: { type: 'inpatient', from: '2019-03-01', to: '2019-03-09' },
    fees: { total: yuan(b.amount), in_scope: yuan(b.amount) },
    used: { tier2_base: yuan(b.base2), catastrophic_base: yuan(b.base3) },
  }))
  const done = spawnSync(options.program, ['eval', 'benefit', '--city', 'jiangmen', '--overlay', 'config/samples/jiangmen-illustrative.yaml'],
    { input: lines.join('\n') + '\n', maxBuffer: 1 << 30, encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`tongchou eval: ${done.stderr}${done.stdout.slice(0, 400)}`)
  return done.stdout.trim().split('\n').map((line) => fen(JSON.parse(line).fund))
}

// ---- the rule, as rows and formulas

const rows = [false, true].flatMap((retiree) => [
  { designated: false, level: null, deductible: 150000, rate: 4000 },
  { designated: true, level: '1', deductible: 50000, rate: 8500 },
  { designated: true, level: '2', deductible: 60000, rate: 8000 },
  { designated: true, level: '3', deductible: 90000, rate: 5500 },
].map((row) => ({ ...row, retiree, deductible: row.deductible - (retiree ? 10000 : 0), rate: row.rate + (retiree ? 500 : 0) })))

const formulas = [
  ['x', 'amount - min([deductible, amount])'],
  ['p1', 'min([floor(($.x * rate + 5000) / 10000), 20000000])'],
  ['s1', '$.x - $.p1'],
  ['cut', 'designated ? 0 : 1000'],
  ['end2', 'base2 + $.s1'],
  ['a2', 'max([min([$.end2, 500000]) - base2, 0])'],
  ['b2', 'max([min([$.end2, 20000000]) - max([base2, 500000]), 0])'],
  ['c2', 'max([$.end2 - max([base2, 20000000]), 0])'],
  ['p2', 'identity == "resident" ? 0 : min([floor(($.a2 * (5000 - $.cut) + $.b2 * (8500 - $.cut) + $.c2 * (9000 - $.cut) + 5000) / 10000), 20000000])'],
  ['s2', '$.s1 - $.p2'],
  ['end3', 'base3 + $.s2'],
  ['a3', 'max([min([$.end3, 12000000]) - max([base3, 2500000]), 0])'],
  ['b3', 'max([$.end3 - max([base3, 12000000]), 0])'],
  ['p3', 'min([floor(($.a3 * (6000 - $.cut) + $.b3 * (7000 - $.cut) + 5000) / 10000), 24000000])'],
  ['fund', '$.p1 + $.p2 + $.p3'],
]

// ---- zen-engine: a decision table and an expression node

function zenDecision() {
  const node = (id, type, content) => ({ id, type, name: id, position: { x: 0, y: 0 }, ...(content ? { content } : {}) })
  const edge = (sourceId, targetId) => ({ id: `${sourceId}-${targetId}`, type: 'edge', sourceId, targetId })
  const table = {
    hitPolicy: 'first',
    passThrough: true,
    inputs: [{ id: 'i', name: 'identity' }, { id: 'd', name: 'designated' }, { id: 'l', name: 'level' }].map((c) => ({ ...c, field: c.name })),
    outputs: [{ id: 'o', name: 'deductible', field: 'deductible' }, { id: 'r', name: 'rate', field: 'rate' }],
    rules: rows.map((row, n) => ({
      _id: String(n), i: row.retiree ? '"retiree"' : 'not($ == "retiree")', d: String(row.designated), l: row.level ? `"${row.level}"` : '',
      o: String(row.deductible), r: String(row.rate),
    })),
  }
  const expressions = { passThrough: false, expressions: formulas.map(([key, value]) => ({ id: key, key, value })) }
  const content = {
    nodes: [node('in', 'inputNode'), node('table', 'decisionTableNode', table), node('formulas', 'expressionNode', expressions), node('out', 'outputNode')],
    edges: [edge('in', 'table'), edge('table', 'formulas'), edge('formulas', 'out')],
  }
  return new ZenEngine().createDecision(Buffer.from(JSON.stringify(content)))
}

async function zenOne(decision, bill) {
  return Number((await decision.evaluate(bill)).result.fund)
}

// ---- json-rules-engine: a rule for each row, the formulas in the handler

function jsonRules() {
  const engine = new Engine()
  for (const row of rows) {
    const all = [
      { fact: 'identity', operator: row.retiree ? 'equal' : 'notEqual', value: 'retiree' },
      { fact: 'designated', operator: 'equal', value: row.designated },
    ]
    if (row.level) all.push({ fact: 'level', operator: 'equal', value: row.level })
    engine.addRule({ conditions: { all }, event: { type: 'row', params: { deductible: row.deductible, rate: row.rate } } })
  }
  return engine
}

function formulasInScript(b, { deductible, rate }) {
  const cut = b.designated ? 0 : 1000, slice = (from, to, low, high) => Math.max(Math.min(to, high) - Math.max(from, low), 0)
  const round = (sum) => Math.floor((sum + 5000) / 10000)
  const x = b.amount - Math.min(deductible, b.amount), p1 = Math.min(round(x * rate), 20000000), s1 = x - p1, e2 = b.base2 + s1
  const p2 = b.identity === 'resident' ? 0 : Math.min(round(slice(b.base2, e2, 0, 500000) * (5000 - cut) + slice(b.base2, e2, 500000, 20000000) * (8500 - cut) +
    slice(b.base2, e2, 20000000, Infinity) * (9000 - cut)), 20000000)
  const e3 = b.base3 + s1 - p2
  return p1 + p2 + Math.min(round(slice(b.base3, e3, 2500000, 12000000) * (6000 - cut) + slice(b.base3, e3, 12000000, Infinity) * (7000 - cut)), 24000000)
}

async function jsonOne(engine, bill) {
  const { events } = await engine.run(bill)
  return formulasInScript(bill, events[0].params)
}

// ---- measuring

async function measure(name, one, outstanding) {
  const answers = new Array(bills.length)
  let next = 0
  const worker = async () => { while (next < bills.length) { const i = next++; answers[i] = await one(bills[i]) } }
  const start = process.hrtime.bigint()
  await Promise.all(Array.from({ length: outstanding }, worker))
  const rate = bills.length / (Number(process.hrtime.bigint() - start) / 1e9)
  console.log(`${name.padEnd(34)} ${Math.round(rate).toString().padStart(10)} bills/s   core is ${(Number(options.core) / rate).toFixed(0)} x`)
  return answers
}

const checked = askCore(bills.slice(0, 2000))
const compare = (name, answers) => {
  const wrong = checked.findIndex((amount, i) => amount !== answers[i])
  if (wrong >= 0) throw new Error(`${name}: ${JSON.stringify(bills[wrong])}: ${answers[wrong]}, the core says ${checked[wrong]}`)
}
const decision = zenDecision(), engine = jsonRules()
compare('zen-engine', await measure('zen-engine, one by one', (b) => zenOne(decision, b), 1))
compare('zen-engine', await measure('zen-engine, 500 outstanding', (b) => zenOne(decision, b), 500))
compare('json-rules-engine', await measure('json-rules-engine', (b) => jsonOne(engine, b), 1))
console.log(`2,000 answers of each agree with the core's to the fen`)
