import CLinux

extension nft_table_attributes: NetlinkCode {}
extension nft_chain_attributes: NetlinkCode {}
extension nft_hook_attributes: NetlinkCode {}
extension nft_rule_attributes: NetlinkCode {}
extension nft_set_attributes: NetlinkCode {}
extension nft_set_desc_attributes: NetlinkCode {}
extension nft_set_field_attributes: NetlinkCode {}
extension nft_set_elem_attributes: NetlinkCode {}
extension nft_set_elem_list_attributes: NetlinkCode {}
extension nft_data_attributes: NetlinkCode {}
extension nft_verdict_attributes: NetlinkCode {}
extension nft_expr_attributes: NetlinkCode {}
extension nft_list_attributes: NetlinkCode {}
extension nft_meta_attributes: NetlinkCode {}
extension nft_payload_attributes: NetlinkCode {}
extension nft_ct_attributes: NetlinkCode {}
extension nft_cmp_attributes: NetlinkCode {}
extension nft_bitwise_attributes: NetlinkCode {}
extension nft_immediate_attributes: NetlinkCode {}
extension nft_lookup_attributes: NetlinkCode {}
extension nft_nat_attributes: NetlinkCode {}
extension nft_masq_attributes: NetlinkCode {}
extension nft_hash_attributes: NetlinkCode {}
extension nft_ng_attributes: NetlinkCode {}
extension nft_reject_attributes: NetlinkCode {}
extension nft_limit_attributes: NetlinkCode {}
extension nft_gen_attributes: NetlinkCode {}

extension UInt16 {
  /// `NFTA_SET_COUNT`, which headers older than the kernel do not have.
  static let setCount: UInt16 = 20
}

func nftMessageType(_ type: nf_tables_msg_types) -> UInt16 {
  UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(type.rawValue)
}

func netfilterHeader(_ family: UInt8, resource: UInt16 = 0) -> nfgenmsg {
  nfgenmsg(nfgen_family: family, version: 0, res_id: resource.bigEndian)
}
