// Passes: graph in, better graph out, the same function. One file each, in the order in which
// run_passes calls them.
//
// A pass may change nodes and their operands; it never changes graph inputs, graph outputs or the
// type and shape of a value. Whatever it does to a node it says in Graph::notes.
#pragma once

#include "graph/graph.h"

namespace smelt {

/// Merges Transpose(Transpose(x)) into one, and points consumers of an identity at its input.
void merge_transposes(Graph&);

/// Points consumers of copies (Copy, Clamp without bounds, Convert to the same type) at what was
/// copied.
void remove_copies(Graph&);

/// Computes equal nodes once: Q, K and V of an attention layer each quantise the same input.
void share_equal_nodes(Graph&);

/// Moves a Clamp into the node before it.
void fuse_clamps(Graph&);

/// Drops nodes whose outputs nobody reads.
void remove_dead_nodes(Graph&);

/// All of the above.
void run_passes(Graph&);

}  // namespace smelt
