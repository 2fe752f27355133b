#include "connectors/mysql/charset_tables.h"

#include <algorithm>
#include <iterator>

#include "core/base/check.h"

// Read from MySQL 9.7 and MariaDB 10.11, which agree (CONVERT(x USING utf8mb4)); tests/integration/mysql compares.
namespace headgate::mysql {
namespace {

constexpr std::size_t kHalf = 128;

// By charset, from kFirstSingleByte on.
constexpr std::u16string_view kUpper[] = {
    // armscii8
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0❁§։)(»«—"
    u".՝,-՟…՜՛՞ԱաԲբԳգԴդԵեԶզԷէԸըԹթԺժԻիԼլԽխԾծԿկՀհՁձՂղՃճՄմՅյՆնՇշՈոՉչՊպՋջՌռՍսՎվՏտՐրՑցՒւՓփՔքՕօՖֆ’'",
    // cp1250
    u"€\uFFFD‚\uFFFD„…†‡\uFFFD‰Š‹ŚŤŽŹ\uFFFD‘’“”•–—\uFFFD™š›śťžź\u00A0ˇ˘Ł¤Ą¦§¨©Ş«¬\u00AD®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľżŔÁÂĂÄ"
    u"ĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    // cp1251
    u"ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\uFFFD™љ›њќћџ\u00A0ЎўЈ¤Ґ¦§Ё©Є«¬\u00AD®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШ"
    u"ЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    // cp1256
    u"€\u067E‚ƒ„…†‡ˆ‰\uFFFD‹Œ\u0686\u0698\uFFFD\u06AF‘’“”•–—\uFFFD™\uFFFD›œ\u200C\u200D\uFFFD\u00A0،¢£¤¥¦§¨©"
    u"\uFFFD«¬\u00AD®¯°±²³´µ¶·¸¹\u061B»¼½¾\u061F\uFFFD\u0621\u0622\u0623\u0624\u0625\u0626\u0627\u0628\u0629"
    u"\u062A\u062B\u062C\u062D\u062E\u062F\u0630\u0631\u0632\u0633\u0634\u0635\u0636×\u0637\u0638\u0639\u063A"
    u"\u0640\u0641\u0642\u0643à\u0644â\u0645\u0646\u0647\u0648çèéêë\u0649\u064Aîï\u064B\u064C\u064D\u064Eô"
    u"\u064F\u0650÷\u0651ù\u0652ûü\u200E\u200F\uFFFD",
    // cp1257
    u"€\uFFFD‚\uFFFD„…†‡\uFFFD‰\uFFFD‹\uFFFD¨ˇ¸\uFFFD‘’“”•–—\uFFFD™\uFFFD›\uFFFD¯˛\uFFFD\u00A0\uFFFD¢£¤\uFFFD¦"
    u"§Ø©Ŗ«¬\u00AD®Æ°±²³´µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙",
    // cp850
    u"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþ"
    u"ÞÚÛÙýÝ¯´\u00AD±‗¾¶§÷¸°¨·¹³²■\u00A0",
    // cp852
    u"ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠš"
    u"ŔÚŕŰýÝţ´\u00AD˝˛ˇ˘§÷¸°¨˙űŘř■\u00A0",
    // cp866
    u"АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀рстуфхцч"
    u"шщъыьэюяЁёЄєЇїЎў°∙·√ⁿ²■\u00A0",
    // dec8
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0¡¢£"
    u"\uFFFD¥\uFFFD§¤©ª«\uFFFD\uFFFD\uFFFD\uFFFD°±²³\uFFFDµ¶·\uFFFD¹º»¼½\uFFFD¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ\uFFFDÑÒÓÔÕÖŒØÙ"
    u"ÚÛÜŸ\uFFFDßàáâãäåæçèéêëìíîï\uFFFDñòóôõöœøùúûüÿ\uFFFD\uFFFD",
    // geostd8
    u"€\uFFFD‚\uFFFD„…†‡\uFFFD‰\uFFFD‹\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD‘’“”•–—\uFFFD\uFFFD\uFFFD›\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\u00A0¡¢£¤¥¦§¨©ª«¬\u00AD®¯°±²³´µ¶·¸¹º»¼½¾¿აბგდევზჱთიკლმნჲოპჟრსტჳუფქღყშჩცძწჭხჴჯჰჵ\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD№\uFFFD\uFFFD",
    // greek
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0ʽʼ£"
    u"\uFFFD\uFFFD¦§¨©\uFFFD«¬\u00AD\uFFFD―°±²³΄΅Ά·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ\uFFFDΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμν"
    u"ξοπρςστυφχψωϊϋόύώ\uFFFD",
    // hebrew
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0\uFFFD¢£"
    u"¤¥¦§¨©×«¬\u00AD®‾°±²³´µ¶·¸¹÷»¼½¾\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD‗\u05D0\u05D1\u05D2\u05D3\u05D4\u05D5\u05D6\u05D7\u05D8\u05D9\u05DA\u05DB\u05DC\u05DD"
    u"\u05DE\u05DF\u05E0\u05E1\u05E2\u05E3\u05E4\u05E5\u05E6\u05E7\u05E8\u05E9\u05EA\uFFFD\uFFFD\u200E\u200F"
    u"\uFFFD",
    // hp8
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0ÀÂÈÊËÎÏ´"
    u"ˋˆ¨˜ÙÛ₤¯Ýý°ÇçÑñ¡¿¤£¥§ƒ¢âêôûáéóúàèòùäëöüÅîØÆåíøæÄìÖÜÉïßÔÁÃãÐðÍÌÓÒÕõŠšÚŸÿÞþ·µ¶¾—¼½ªº«■»±\uFFFD",
    // keybcs2
    u"ČüéďäĎŤčěĚĹÍľĺÄÁÉžŽôöÓůÚýÖÜŠĽÝŘťáíóúňŇŮÔšřŕŔ¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτ"
    u"ΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0",
    // koi8r
    u"─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u00A0⌡°²·÷═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©юабцдефгхийклмнопярстужвьызшэщчъЮАБ"
    u"ЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ",
    // koi8u
    u"─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■•√≈≤≥\u00A0⌡°²·÷═║╒ёє╔ії╗╘╙╚╛ґ╝╞╟╠╡ЁЄ╣ІЇ╦╧╨╩╪Ґ╬©юабцдефгхийклмнопярстужвьызшэщчъЮАБ"
    u"ЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ",
    // latin1
    u"€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ\u00A0¡¢£¤¥¦§¨©ª«¬\u00AD®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄ"
    u"ÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    // latin2
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0Ą˘Ł¤ĽŚ§¨"
    u"ŠŞŤŹ\u00ADŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    // latin5
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0¡¢£¤¥¦§¨"
    u"©ª«¬\u00AD®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ",
    // latin7
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\u00A0”¢£¤„¦§Ø"
    u"©Ŗ«¬\u00AD®Æ°±²³“µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž’",
    // macce
    u"ÄĀāÉĄÖÜáąČäčĆćéŹźĎíďĒēĖóėôöõúĚěü†°Ę£§•¶ß®©™ę¨≠ģĮįĪ≤≥īĶ∂∑łĻļĽľĹĺŅņŃ¬√ńŇ∆«»…\u00A0ňŐÕőŌ–—“”‘’÷◊ōŔŕŘ‹›řŖŗŠ‚"
    u"„šŚśÁŤťÍŽžŪÓÔūŮÚůŰűŲųÝýķŻŁżĢˇ",
    // macroman
    u"ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u00A0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚"
    u"„‰ÂÊÁËÈÍÎÏÌÓÔ\uF8FFÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
    // swe7
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
    u"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD",
    // tis620
    u"\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008A\u008B\u008C\u008D\u008E\u008F\u0090"
    u"\u0091\u0092\u0093\u0094\u0095\u0096\u0097\u0098\u0099\u009A\u009B\u009C\u009D\u009E\u009F\uFFFDกขฃคฅฆงจ"
    u"ฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรฤลฦวศษสหฬอฮฯะ\u0E31าำ\u0E34\u0E35\u0E36\u0E37\u0E38\u0E39\u0E3A\uFFFD\uFFFD"
    u"\uFFFD\uFFFD฿เแโใไๅๆ\u0E47\u0E48\u0E49\u0E4A\u0E4B\u0E4C\u0E4D\u0E4E๏๐๑๒๓๔๕๖๗๘๙๚๛\uFFFD\uFFFD\uFFFD"
    u"\uFFFD",
};

// big5 from C6A1 on, trail bytes 40 to 7E and A1 to FE: kana, Cyrillic, numbers in circles and brackets.
constexpr std::u16string_view kBig5Extra =
    u"ヾゝゞ々ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとどなにぬねのはばぱひびぴ"
    u"ふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんァアィ"
    u"イゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバパヒビピフブプヘベペホ"
    u"ボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶДЕЁЖЗИЙ"
    u"КЛМУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюя①②③④⑤⑥⑦⑧⑨⑩⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽";

struct Own {
  std::uint32_t code;
  char32_t character;
};
constexpr Own kBig5Own[] = {
    {0xA145, u'•'},         {0xA14E, u'､'},         {0xA15A, kNoCharacter}, {0xA1C2, u'‾'},
    {0xA1C3, kNoCharacter}, {0xA1C5, kNoCharacter}, {0xA1E3, u'∼'},         {0xA1F2, u'♁'},
    {0xA1F3, u'☉'},         {0xA1FE, kNoCharacter}, {0xA240, kNoCharacter}, {0xA241, u'／'},
    {0xA242, u'＼'},        {0xA244, u'¥'},         {0xA246, u'¢'},         {0xA247, u'£'},
    {0xA2CC, kNoCharacter}, {0xA2CE, kNoCharacter}, {0xA3E1, kNoCharacter},
};
// What the standard of 2005 moved out of the area for private use stays there, and the other way round.
constexpr Own kGb18030Own[] = {
    {0xA6D9, 0xE78D},      {0xA6DA, 0xE78E},      {0xA6DB, 0xE78F},      {0xA6DC, 0xE790},      {0xA6DD, 0xE791},
    {0xA6DE, 0xE792},      {0xA6DF, 0xE793},      {0xA6EC, 0xE794},      {0xA6ED, 0xE795},      {0xA6F3, 0xE796},
    {0xFE51, 0xE816},      {0xFE52, 0xE817},      {0xFE53, 0xE818},      {0xFE59, 0xE81E},      {0xFE61, 0xE826},
    {0xFE66, 0xE82B},      {0xFE67, 0xE82C},      {0xFE6C, 0xE831},      {0xFE6D, 0xE832},      {0xFE76, 0xE83B},
    {0xFE7E, 0xE843},      {0xFE90, 0xE854},      {0xFE91, 0xE855},      {0xFEA0, 0xE864},      {0x82359037, 0x9FB4},
    {0x82359038, 0x9FB5},  {0x82359039, 0x9FB6},  {0x82359130, 0x9FB7},  {0x82359131, 0x9FB8},  {0x82359132, 0x9FB9},
    {0x82359133, 0x9FBA},  {0x82359134, 0x9FBB},  {0x84318236, 0xFE10},  {0x84318237, 0xFE11},  {0x84318238, 0xFE12},
    {0x84318239, 0xFE13},  {0x84318330, 0xFE14},  {0x84318331, 0xFE15},  {0x84318332, 0xFE16},  {0x84318333, 0xFE17},
    {0x84318334, 0xFE18},  {0x84318335, 0xFE19},  {0x95329031, 0x20087}, {0x95329033, 0x20089}, {0x95329730, 0x200CC},
    {0x9536B937, 0x215D7}, {0x9630BA35, 0x2298F}, {0x9635B630, 0x241FE},
};

template <std::size_t kCount>
char32_t Find(const Own (&own)[kCount], std::uint32_t code) {
  const Own* const found = std::ranges::lower_bound(own, code, {}, &Own::code);
  return found != std::end(own) && found->code == code ? found->character : 0;
}

char32_t OwnBig5(std::uint32_t code) {
  constexpr std::uint32_t kTrails = 0x7F - 0x40 + 0xFF - 0xA1;
  if ((code >= 0xC7FD && code <= 0xC8FE) || code >= 0xF9DD || code < 0xA140) return kNoCharacter;
  if (code < 0xC6A1 || code > 0xC7FC) return Find(kBig5Own, code);
  const std::uint32_t trail = code & 0xFF;
  if (trail < 0x40 || (trail > 0x7E && trail < 0xA1) || trail == 0xFF) return kNoCharacter;
  const std::uint32_t place = (code >> 8) * kTrails + (trail < 0x7F ? trail - 0x40 : trail - 0xA1 + 0x7F - 0x40);
  constexpr std::uint32_t kFirst = 0xC6 * kTrails + 0x7F - 0x40;
  return kBig5Extra[place - kFirst];
}

// Rows F5 to FE of ujis, alone and behind 8F, are the user's: Unicode's private area from E000 and E3AC on.
char32_t UserDefinedUjis(std::uint32_t code) {
  const bool third = code >> 16 == 0x8F;
  const std::uint32_t row = code >> 8 & 0xFF;
  const std::uint32_t cell = code & 0xFF;
  if ((code > 0xFFFF && !third) || row < 0xF5 || row == 0xFF || cell < 0xA1 || cell == 0xFF) return 0;
  return (third ? 0xE3AC : 0xE000) + (row - 0xF5) * 94 + (cell - 0xA1);
}

}  // namespace

std::u16string_view UpperHalf(Charset single_byte) {
  const auto index = static_cast<std::size_t>(single_byte) - static_cast<std::size_t>(kFirstSingleByte);
  CHECK(index < std::size(kUpper) && kUpper[index].size() == kHalf);
  return kUpper[index];
}

char16_t Swe7(std::uint8_t byte) {
  constexpr std::string_view kOthers = "@[\\]^`{|}~\x7F";
  constexpr std::u16string_view kCharacters = u"ÉÄÖÅÜéäöåü\uFFFD";
  const std::size_t place = kOthers.find(static_cast<char>(byte));
  return place == std::string_view::npos ? byte : kCharacters[place];
}

char32_t OwnMeaning(Charset multi_byte, std::uint32_t code) {
  switch (multi_byte) {
    case Charset::kBig5:
      return OwnBig5(code);
    case Charset::kGb18030:
      return Find(kGb18030Own, code);
    case Charset::kSjis:
      return code == 0x815F ? U'\\' : 0;
    case Charset::kUjis:
      return code == 0xA1C0 ? U'\\' : code == 0x8FA2B7 ? U'~' : UserDefinedUjis(code);
    default:
      return 0;
  }
}

}  // namespace headgate::mysql
