// The smallest use of Smelt: runs a program on ones. Its text is in the README.
#include <cstdio>
#include <vector>

#include "smelt/smelt.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return std::puts("usage: hello PROGRAM.pte"), 1;
  auto program = smelt::Program::load(argv[1]);
  if (!program) return std::puts(program.error().message.c_str()), 1;
  auto method = program->method("forward");
  if (!method) return std::puts(method.error().message.c_str()), 1;
  std::vector<float> x(method->inputs()[0].shape.numel(), 1.0f);
  smelt::Value in[] = {smelt::TensorView::of(std::span(x), method->inputs()[0].shape)}, out[1];
  if (auto ok = method->run(in, out); !ok) return std::puts(ok.error().message.c_str()), 1;
  std::printf("%g\n", out[0].tensor()->as<float>()[0]);
}
