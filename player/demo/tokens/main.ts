import '../style/token-tools.css'
import { createApartPanel } from './apart-panel.ts'
import { createKeptPanel } from './kept-panel.ts'
import { createMakePanel } from './make-panel.ts'

const apart = createApartPanel()
const kept = createKeptPanel()
createMakePanel({ onMade: kept.add, onTakeApart: apart.take })
