import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Address blocks that are not globally reachable: the special-purpose registries of RFC 6890 and later. */
const blocks: readonly (readonly [net: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'], // this network, RFC 791
  ['10.0.0.0', 8, 'ipv4'], // private use, RFC 1918
  ['100.64.0.0', 10, 'ipv4'], // shared address space, RFC 6598
  ['127.0.0.0', 8, 'ipv4'], // loopback, RFC 1122
  ['169.254.0.0', 16, 'ipv4'], // link local, metadata services, RFC 3927
  ['172.16.0.0', 12, 'ipv4'], // private use, RFC 1918
  ['192.0.0.0', 24, 'ipv4'], // protocol assignments, RFC 6890
  ['192.0.2.0', 24, 'ipv4'], // documentation, RFC 5737
  ['192.88.99.0', 24, 'ipv4'], // 6to4 relay, deprecated, RFC 7526
  ['192.168.0.0', 16, 'ipv4'], // private use, RFC 1918
  ['198.18.0.0', 15, 'ipv4'], // benchmarking, RFC 2544
  ['198.51.100.0', 24, 'ipv4'], // documentation, RFC 5737
  ['203.0.113.0', 24, 'ipv4'], // documentation, RFC 5737
  ['224.0.0.0', 4, 'ipv4'], // multicast, RFC 5771
  ['240.0.0.0', 4, 'ipv4'], // reserved and broadcast, RFC 1112
  ['::', 96, 'ipv6'], // unspecified, loopback, IPv4-compatible, RFC 4291
  ['64:ff9b::', 96, 'ipv6'], // an IPv4 address behind a translator, RFC 6052
  ['64:ff9b:1::', 48, 'ipv6'], // local translation, RFC 8215
  ['100::', 64, 'ipv6'], // discard only, RFC 6666
  ['2001::', 23, 'ipv6'], // protocol assignments, Teredo among them, RFC 2928
  ['2001:db8::', 32, 'ipv6'], // documentation, RFC 3849
  ['2002::', 16, 'ipv6'], // 6to4: an IPv4 address inside, RFC 3056
  ['3fff::', 20, 'ipv6'], // documentation, RFC 9637
  ['fc00::', 7, 'ipv6'], // unique local, RFC 4193
  ['fe80::', 10, 'ipv6'], // link local, RFC 4291
  ['fec0::', 10, 'ipv6'], // site local, deprecated, RFC 3879
  ['ff00::', 8, 'ipv6'], // multicast, RFC 4291
]

const closed = new BlockList()
for (const [net, prefix, family] of blocks) closed.addSubnet(net, prefix, family)

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/**
 * Is this anything but a globally reachable address? Takes the textual form a connected socket shows; text
 * that is no address counts as private.
 */
export function isPrivateAddress(address: string): boolean {
  const plain = mapped.exec(address)?.[1] ?? address.split('%', 1)[0] ?? ''
  if (isIPv4(plain)) return closed.check(plain, 'ipv4')
  return !isIPv6(plain) || closed.check(plain, 'ipv6')
}
