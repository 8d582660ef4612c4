// Files that were cut off or damaged: whatever happens to a sound file, reading it ends with an
// error or a usable file. (The sanitizer build is what gives this test its teeth.)
#include <random>

#include <gtest/gtest.h>

#include "format/npy/npy.h"
#include "format/ptd/external_data.h"
#include "graph_builder.h"
#include "support/program_builder.h"
#include "support/read_everything.h"
#include "tensor_file_builder.h"

namespace smelt {
namespace {

using namespace testing;

/// A program whose delegate computes something: constants of all three kinds of quantisation, all
/// in one payload.
std::vector<std::byte> program_with_delegate() {
  GraphSpec g = sound_graph();
  g.values[1] = per_channel(g.values[1], xnn::Datatype::qcint8, 0, {.buffer = 2, .count = 3});
  g.values.push_back(per_block({.dims = {2, 32}, .constant = 1}, 32, {.scale = {1, 2}}));
  g.values.push_back(per_tensor({}, xnn::Datatype::qint8, 0.5f, 3));
  g.nodes.push_back(node1x1(xnn::NodeUnion::Convert, 0, 6));
  const std::vector<std::byte> payload = g.build();

  ProgramSpec p = sound_program();
  p.segments[2].size = payload.size();
  p.segment_bytes.resize(128);
  const auto* bytes = reinterpret_cast<const uint8_t*>(payload.data());
  p.segment_bytes.insert(p.segment_bytes.end(), bytes, bytes + payload.size());
  return p.build();
}

using Reader = std::function<std::optional<Error>(std::span<const std::byte>)>;

/// What damage may lead to: never "out of memory", never a complaint about the caller.
void expect_civil(const std::optional<Error>& error) {
  if (!error) return;
  EXPECT_TRUE(error->code == ErrorCode::kInvalidFile || error->code == ErrorCode::kUnsupported ||
              error->code == ErrorCode::kNotFound)
      << error->message;
  EXPECT_FALSE(error->message.empty());
}

/// Memory of exactly the file's size, so that the address sanitizer sees a byte too many.
std::optional<Error> read_copy(const Reader& read, std::span<const std::byte> file) {
  const std::vector<std::byte> copy(file.begin(), file.end());
  return read(copy);
}

void cut_everywhere(const std::vector<std::byte>& file, const Reader& read) {
  for (size_t size = 0; size < file.size(); ++size) {
    SCOPED_TRACE(fmt::format("cut to {} bytes of {}", size, file.size()));
    const auto error = read_copy(read, std::span(file).first(size));
    ASSERT_TRUE(error) << "not noticed";
    EXPECT_EQ(error->code, ErrorCode::kInvalidFile) << error->message;
  }
}

void damage(const std::vector<std::byte>& file, const Reader& read, int rounds) {
  std::mt19937 random(20260701);
  const auto below = [&](size_t n) { return size_t(random() % n); };
  size_t noticed = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    std::vector<std::byte> bad = file;
    for (size_t flips = 1 + below(3); flips > 0; --flips) {
      const size_t at = below(bad.size());
      switch (below(3)) {
        case 0:
          bad[at] ^= std::byte(1u << below(8));
          break;
        case 1:
          bad[at] = std::byte(random());
          break;
        default: {
          const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, uint32_t(random())};
          const uint32_t v = values[below(6)];
          std::memcpy(bad.data() + at, &v, std::min(sizeof v, bad.size() - at));
        }
      }
    }
    const auto error = read_copy(read, bad);
    expect_civil(error);
    noticed += error.has_value();
  }
  EXPECT_GT(noticed, 0u);
}

TEST(Mutation, Programs) {
  const std::vector<std::byte> file = program_with_delegate();
  const auto sound = read_copy(read_program, file);
  ASSERT_FALSE(sound) << sound->message;
  cut_everywhere(file, read_program);
  damage(file, read_program, 20000);
}

TEST(Mutation, Delegates) {
  const std::vector<std::byte> file = sound_graph().build();
  const auto sound = read_copy(read_delegate, file);
  ASSERT_FALSE(sound) << sound->message;
  cut_everywhere(file, read_delegate);
  damage(file, read_delegate, 20000);
}

TEST(Mutation, ExternalData) {
  const auto read = [](std::span<const std::byte> bytes) -> std::optional<Error> {
    const auto d = ExternalData::parse(bytes, "file");
    if (!d) return d.error();
    for (const auto& e : d->named_data().entries()) look_at(e.bytes);
    for (const auto& t : d->tensors()) look_at(t.bytes);
    return std::nullopt;
  };
  const std::vector<std::byte> file = TensorFileSpec().build();
  const auto sound = read_copy(read, file);
  ASSERT_FALSE(sound) << sound->message;
  cut_everywhere(file, read);
  damage(file, read, 10000);
}

TEST(Mutation, Npy) {
  const auto read = [](std::span<const std::byte> bytes) -> std::optional<Error> {
    const auto a = parse_npy(bytes, "file");
    if (!a) return a.error();
    look_at(a->bytes());
    return std::nullopt;
  };
  const std::vector<float> elements(6, 1.f);
  const std::vector<std::byte> file =
      npy_file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
               std::as_bytes(std::span(elements)));
  const auto sound = read_copy(read, file);
  ASSERT_FALSE(sound) << sound->message;
  cut_everywhere(file, read);
  damage(file, read, 10000);
}

}  // namespace
}  // namespace smelt
