#include "graph/passes/passes.h"

namespace smelt {

void run_passes(Graph& graph) {
  merge_transposes(graph);
  remove_copies(graph);
  share_equal_nodes(graph);
  fuse_clamps(graph);
  remove_dead_nodes(graph);
}

}  // namespace smelt
