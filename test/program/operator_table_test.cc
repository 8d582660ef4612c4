// Every operator against its reference.
#include <map>

#include "operator_cases.h"
#include "program/operator.h"

namespace smelt::program::testing {

DType promoted(DType a, DType b) {
  constexpr DType kOrder[] = {DType::kU8,  DType::kS8,  DType::kS16, DType::kS32,  DType::kS64,
                              DType::kF16, DType::kF32, DType::kF64, DType::kBool, DType::kBF16};
  // Rows and columns in that order; u, b, h, i, l are 8 (unsigned, signed), 16, 32 and 64 bits,
  // e, f, d binary16 to 64, z bool, g bfloat16.
  constexpr std::string_view kTable[] = {"uhhilefdug", "hbhilefdbg", "hhhilefdhg", "iiiilefdig",
                                         "lllllefdlg", "eeeeeefdef", "fffffffdff", "dddddddddd",
                                         "ubhilefdzg", "gggggffdgg"};
  constexpr std::string_view kLetters = "ubhilefdzg";
  const auto at = [&](DType t) {
    return size_t(std::find(std::begin(kOrder), std::end(kOrder), t) - std::begin(kOrder));
  };
  return kOrder[kLetters.find(kTable[at(a)][at(b)])];
}

namespace {

std::vector<OperatorCase> all_cases() {
  std::vector<OperatorCase> all;
  for (const auto& part :
       {elementwise_cases(), movement_cases(), reduction_cases(), ordering_cases(), fft_cases(),
        volume_pool_cases(), scatter_cases(), special_cases(), resize_cases(), delta_rule_cases(),
        compute_cases(), prim_cases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(OperatorTable, HasEveryRegisteredOperatorOnce) {
  std::map<std::string_view, int> count;
  for (const OperatorCase& c : all_cases()) ++count[c.name];
  for (const Operator* op : all_operators()) {
    EXPECT_EQ(count[op->name], 1) << op->name << " has no reference to be compared with";
    count.erase(op->name);
  }
  for (const auto& [name, n] : count) ADD_FAILURE() << name << " is not registered";
}

class OperatorTable : public ::testing::TestWithParam<OperatorCase> {};

TEST_P(OperatorTable, AgreesWithReference) {
  Subject subject(GetParam().name);
  GetParam().check(subject);
  EXPECT_GT(subject.compared(), 0u) << "compares nothing";
}

std::string test_name(const ::testing::TestParamInfo<OperatorCase>& info) {
  std::string s(info.param.name);
  for (char& c : s) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return s;
}

INSTANTIATE_TEST_SUITE_P(All, OperatorTable, ::testing::ValuesIn(all_cases()), test_name);

}  // namespace
}  // namespace smelt::program::testing
