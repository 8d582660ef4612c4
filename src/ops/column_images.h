// Images of one column, as exporters write signals: [n, length, 1, channels], and a filter of [k,
// 1].
//
// The same bytes are images of one line, and a filter of one line: windows are then found a run of
// neighbours at a time, and the taps lie side by side in memory.
#pragma once

#include "ops/op.h"

namespace smelt {

using MakeConvOp = Result<std::unique_ptr<const Op>>(const NodeSpec&, const Cpu&);

/// The op that `make` makes of a node with ConvAttrs, which sees such images and filters as lines.
/// Other nodes are made as they are.
Result<std::unique_ptr<const Op>> make_seeing_lines(const NodeSpec&, const Cpu&, MakeConvOp* make);

}  // namespace smelt
