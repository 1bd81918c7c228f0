import { type Operation, operation } from './operation.ts'
import { refusalList, summary } from './schemas.ts'
import { withoutSignatures } from './signatures.ts'
import { summarize } from './summarize.ts'

const listRefusals = operation({
  method: 'GET',
  path: '/refusals',
  id: 'listRefusals',
  tag: 'Server',
  summary: 'The latest refused requests, and which check refused them',
  description:
    'Of this server with all its processes, since its start; of no other machine. One who wants all of them reads the log.',
  answerSchema: refusalList,
  status: 200,
  problems: [],
  examples: {
    answer: {
      refusals: [
        {
          at: '2026-01-01T12:41:09.000Z',
          rule: 'films',
          method: 'GET',
          host: 'video.example.com',
          path: '/vod/film/0001.m4s',
          client: '198.51.100.20',
          status: 403,
          reason: 'token-refused',
          detail:
            'session-token in query: the signature does not fit: forged or changed, another key, or other salt headers than at its opening',
          sessionId: null,
        },
      ],
    },
  },
  perform: ({ gate }) => ({
    refusals: gate.refusals.latest.map((refusal) => ({
      ...refusal,
      host: withoutSignatures(refusal.host),
      path: withoutSignatures(refusal.path),
      detail: withoutSignatures(refusal.detail),
    })),
  }),
})

const summarizeServer = operation({
  method: 'GET',
  path: '/summary',
  id: 'summarize',
  tag: 'Server',
  summary: 'What goes on, in a few figures',
  answerSchema: summary,
  status: 200,
  problems: [],
  examples: {
    answer: {
      version: '0.1.0',
      now: '2026-01-01T12:41:10.000Z',
      sessions: { active: 12, idle: 3, more: false },
      refusals: { lately: 4, minutes: 5, more: false },
      store: { kind: 'lmdb', isUp: true, silentSeconds: 0.2 },
      rules: [
        { name: 'films', mode: 'enforce', hosts: null, paths: ['/vod/*'], hasSessions: true },
      ],
    },
  },
  perform: ({ gate }) => summarize(gate),
})

export const serverOperations: readonly Operation[] = [listRefusals, summarizeServer]
