// Reports in a browser: headless Chromium opens them from a file, a script inside clicks, and the
// page says what happened.
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "process.h"

namespace smelt::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("SMELT_RUNNER") != nullptr || std::getenv("SMELT_EMULATED") != nullptr)
      GTEST_SKIP() << "pages are the same on every machine: looked at on this one only";
    if (std::system("command -v chromium >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "no chromium (tools/dev/setup installs it)";
    const Outcome made = smelt({"make", "conv2d", "--variant", "pf32", "--seed", "1", "-o", model});
    ASSERT_EQ(made.exit, 0) << made.err;
    profile("a");
    profile("b");
  }
  void profile(const std::string& name) {
    const Outcome o = smelt({"profile", model, "--runs", "3", "--threads", "1", "--json",
                             folder / (name + ".json"), "--html", folder / (name + ".html")});
    ASSERT_EQ(o.exit, 0) << o.err;
  }
  /// What `script`, an expression, gives in the page, and the page's errors.
  json in_browser(const std::string& page, const std::string& script,
                  const std::string& options = "") {
    std::string html = read_file(folder / page);
    const std::string_view head = "<head>", end = "</body>";
    EXPECT_NE(html.find(head), html.npos);
    html.insert(html.find(head) + head.size(),
                "<script>const errors = []; window.onerror = e => errors.push(String(e));"
                "console.error = console.warn = (...x) => errors.push(x.join(' '));</script>");
    html.insert(html.rfind(end),
                "<script>const result = " + script +
                    "; document.body.innerHTML = ''; document.body.textContent = "
                    "'BEGIN' + btoa(unescape(encodeURIComponent(JSON.stringify({result, "
                    "errors})))) + 'END';"
                    "</script>");
    write_file(folder / "opened.html", html);
    const std::string command = "cd '" + folder.path().string() +
                                "' && HOME=. timeout 120 chromium --headless --no-sandbox "
                                "--disable-gpu --user-data-dir=profile --enable-logging=stderr "
                                "--virtual-time-budget=3000 " +
                                options + " --dump-dom file://$PWD/opened.html >dom.txt 2>log.txt";
    EXPECT_EQ(std::system(command.c_str()), 0) << read_file(folder / "log.txt");
    EXPECT_THAT(read_file(folder / "log.txt"), Not(HasSubstr("CONSOLE")));
    const std::string dom = read_file(folder / "dom.txt");
    const size_t at = dom.find("BEGIN") + 5, to = dom.find("END", at);
    EXPECT_NE(to, dom.npos) << dom.substr(0, 2000);
    if (to == dom.npos) return {};
    json j = json::parse(base64(dom.substr(at, to - at)));
    EXPECT_EQ(j["errors"], json::array());
    return j["result"];
  }
  static std::string base64(std::string_view text) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    uint32_t window = 0;
    int bits = 0;
    for (const char c : text) {
      const size_t digit = kDigits.find(c);
      if (digit == kDigits.npos) break;
      window = window << 6 | uint32_t(digit);
      if ((bits += 6) >= 8) bytes += char(window >> (bits -= 8));
    }
    return bytes;
  }

  TemporaryFolder folder;
  std::string model = folder / "m.pte";
};

TEST_F(Report, OfAProfileSortsFiltersAndExplains) {
  const json r = in_browser("a.html", R"js((() => {
    const rows = () => document.querySelectorAll('tr.row').length;
    const out = {title: document.title, rows: rows(), tiles: document.querySelectorAll('.tile').length,
      lanes: document.querySelectorAll('.lane i').length, points: document.querySelectorAll('circle.point').length,
      headline: document.querySelector('.tile b').textContent,
      end: document.querySelector('.axis').lastChild.textContent, roofs: document.querySelectorAll('line.roof').length, legend: document.getElementById('roofKey').textContent};
    const conv = [...document.querySelectorAll('tr.row')].find(x => x.textContent.includes('IGEMM'));
    conv.click();
    out.why = document.querySelector('tr.why').textContent;
    document.getElementById(conv.id).click();
    out.closed = document.querySelectorAll('tr.why').length;
    const filter = document.getElementById('filter');
    filter.value = 'igemm'; filter.dispatchEvent(new Event('input')); out.filtered = rows();
    filter.value = ''; filter.dispatchEvent(new Event('input'));
    document.querySelectorAll('th button')[1].click();
    const times = [...document.querySelectorAll('tr.row td:nth-child(2)')].map(x => x.textContent);
    out.sorted = document.querySelectorAll('th')[1].getAttribute('aria-sort'); out.times = times;
    document.querySelector('circle.point').dispatchEvent(new MouseEvent('click'));
    out.shown = document.querySelectorAll('tr.why').length;
    return out; })())js");
  EXPECT_EQ(r["title"], "m.pte: forward – Smelt profile");
  EXPECT_EQ(r["rows"], 3) << "transpose, convolution, transpose";
  EXPECT_GE(r["tiles"], 5);
  EXPECT_EQ(r["lanes"], 3);
  EXPECT_EQ(r["points"], 1);
  EXPECT_EQ(r["headline"], r["end"]) << "the time and the timeline are those of one run";
  EXPECT_GE(r["roofs"], 1);
  EXPECT_THAT(r["legend"].get<std::string>(), HasSubstr("float32"));
  EXPECT_THAT(r["why"].get<std::string>(), HasSubstr("matrix unit"));
  EXPECT_THAT(r["why"].get<std::string>(), HasSubstr("ExecuTorch"));
  EXPECT_EQ(r["closed"], 0);
  EXPECT_EQ(r["filtered"], 1);
  EXPECT_EQ(r["sorted"], "descending");
  EXPECT_EQ(r["shown"], 1);
}

TEST_F(Report, FitsAPhone) {
  const json width =
      in_browser("a.html", R"js((() => { document.documentElement.style.width = '390px';
    document.body.style.width = '390px';
    return [...document.querySelectorAll('section, header, .tile, svg')].every(e => e.getBoundingClientRect().right <= 391); })())js");
  EXPECT_EQ(width, true);
}

TEST_F(Report, OfAComparisonShowsWhatChanged) {
  const Outcome o =
      smelt({"compare", folder / "a.json", folder / "b.json", "--html", folder / "c.html"});
  ASSERT_EQ(o.exit, 0) << o.err;
  const json r = in_browser("c.html", R"js((() => {
    const row = document.querySelector('tr.row'); row.click();
    return {rows: document.querySelectorAll('tr.row').length, why: document.querySelectorAll('tr.why').length,
      tiles: document.querySelectorAll('.tile').length, title: document.getElementById('title').textContent}; })())js");
  EXPECT_EQ(r["rows"], 3);
  EXPECT_EQ(r["why"], 1);
  EXPECT_GE(r["tiles"], 3);
  EXPECT_EQ(r["title"], "Two runs compared");
}

}  // namespace
}  // namespace smelt::test
