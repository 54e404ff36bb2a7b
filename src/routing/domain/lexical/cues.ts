/** Words that say something about the work a prompt asks for, by group. Lower case, separated by blanks; `a+b` is a pair of
 *  neighbouring words; a single sign is a cue too. General English, made without regard to any data set; a prompt in another
 *  language is described by its shape and its own words only. The order is part of the feature version. */
export const CUE_GROUPS: Readonly<Record<string, string>> = {
  code: 'def return import class void const let var print printf function functions method string array list integer boolean null none true false loop compile compiler bug debug stack python java javascript typescript rust sql html regex api json lambda assert { } ; = _ `',
  latex: '\\ $ ^ frac sqrt sum int mathbb mathrm text begin end cdot times left right overline',
  operators: '+ - * / < > = ≤ ≥ ± × ÷ √ % ∑ ∫ mod plus minus times divided multiplied',
  fraction: '% / percent percentage fraction ratio proportion half third quarter rate rates per',
  money:
    '$ € £ cost costs price prices pay paid pays dollars dollar cents euro revenue profit profits loss interest income tax loan rent salary wage sell sold buy bought invest invested investment bond bonds',
  finance:
    'market markets demand supply elasticity inflation monetary fiscal gdp equilibrium marginal firm firms monopoly consumer consumers economy economic economics trade tariff accounting balance asset assets liabilities equity stock shares dividend budget capital labor unemployment aggregate bank banks fed deposit',
  options: ': ) option options choice choices following+options which+of',
  questions: '? what which who whom whose when where why how',
  passage:
    'passage text article paragraph document excerpt according+to the+passage the+text the+following author based+on refers',
  moral: 'moral morally wrong immoral ethical ethics right duty virtue should ought blame deserve harm',
  legal:
    'law legal court courts judge jury statute plaintiff defendant contract tort liability liable negligence constitution constitutional amendment crime criminal murder property landlord tenant deed testify testimony hearsay evidence attorney lawyer prosecution convicted statute clause treaty jurisdiction rights estate conveyed',
  medical:
    'patient patients disease diseases symptoms treatment diagnosis clinical doctor physician blood heart drug drugs therapy cancer infection surgery nerve muscle muscles bone artery vein kidney liver lung lungs brain syndrome pain acute chronic year-old medication dose hormone pregnancy fetus virus vaccine nursing skin',
  biology:
    'cell cells dna rna gene genes genetic protein proteins enzyme enzymes species organism organisms evolution population plant plants animal animals bacteria membrane chromosome chromosomes mutation allele photosynthesis mitosis meiosis ecosystem ecological respiration glucose tissue phenotype selection',
  chemistry:
    'acid base reaction reactions molecule molecules atom atoms ion ions electron electrons bond bonding oxidation reduction solution concentration mole moles molar ph gas liquid compound element elements hydrogen oxygen carbon nitrogen sodium chloride equilibrium isotope orbital spectrum nmr solvent catalyst atomic molecular',
  physics:
    'force mass velocity acceleration energy momentum speed motion gravity gravitational electric magnetic field charge current voltage resistance circuit wave waves frequency wavelength light photon quantum temperature heat pressure work power particle radius spring friction torque density lens kinetic potential thermodynamic entropy nucleus meter meters',
  engineering:
    'pipe pump turbine beam steel flow fluid steam valve compressor motor load stress strain voltage transistor amplifier signal transmission generator rotor armature impedance capacitor inductor engine tank nozzle boundary layer efficiency cylinder lbm btu psia kw hz ohms ohm',
  mathematics:
    'equation equations polynomial integer integers prime matrix vector vectors function continuous derivative integral theorem proof prove group ring field finite infinite set sets subset linear graph vertices triangle circle angle square root real complex sequence series converges limit probability random dice coin coordinates plane degree divisible remainder factor factors perpendicular',
  statistics:
    'mean median variance deviation standard sample samples population regression correlation hypothesis confidence distribution normal test statistical significance probability expected random bias experiment survey z-score p-value outliers quartile',
  computing:
    'algorithm algorithms complexity computer memory cpu cache network packet protocol server software hardware operating system database query tree node nodes queue hash bits bit byte bytes binary encryption key security attack learning neural training classifier gradient kernel thread process instruction register processor tcp',
  history:
    'century war empire king queen emperor revolution treaty dynasty colonial colony colonies medieval ancient civil independence republic soviet nazi roman greek egypt slavery industrial ottoman british french chinese japan president congress reform reformation napoleon battle troops soldiers kingdom archaeological',
  geography:
    'country countries river mountain ocean sea capital city region regions continent climate africa asia europe america india china population migration urban rural island border latitude earth planet planets moon sun star stars solar rock rocks soil water weather',
  politics:
    'government governments state states policy political politics party parties election elections vote voting democratic democracy rights federal international security foreign nuclear un nato sovereignty institutions relations liberal conservative realism',
  psychology:
    'behavior behaviour psychologist psychology children child conditioning memory learning cognitive stimulus response personality anxiety depression development therapist emotion emotions freud piaget attachment motivation perception disorder attitudes counselor adolescents sleep reinforcement',
  society:
    'social society sociology culture cultural gender race class family women men religion religious education media public relations marketing brand advertising customers management manager organization organizational employees leadership strategy business ethics corporate',
  philosophy:
    'argument argues philosophy philosophers kant hume plato aristotle utilitarian utilitarianism premise premises conclusion valid invalid logic logical fallacy fallacies knowledge belief god soul existence metaphysical truth buddhist buddhism hindu islam jesus christian christianity bible jewish gospel prophet',
  logic:
    'if then therefore hence implies all some every each none only iff necessarily unless whether not+all either neither or and ∀ ∃ ⊃ ∨ ∧ ~ ≡',
  negation: 'not except no never without cannot false incorrect least unlikely non neither nor isn doesn',
  multistep:
    'first then next finally step steps after before each remaining total altogether together left more less twice times many how+many how+much how+long how+far until every',
  constraints:
    'must exactly only at+least at+most no+more words sentence sentences format include avoid ensure limit between approximately nearest maximum minimum',
  reasoning:
    'calculate compute determine find derive prove solve evaluate explain analyze analyse compare infer deduce estimate predict deduce show+that find+the what+is',
  simple:
    'list name define identify state translate summarize summarise extract classify describe rewrite correct fill choose select answer print',
  creative: 'write story poem song essay imagine creative dialogue character novel fiction letter email blog joke',
  design: 'design plan architecture implement build create develop propose strategy optimize optimise improve',
  quotes: '" \' “ ” ‘ ’ « »',
  brackets: '( ) [ ] { } < >',
  enumeration: 'i ii iii iv v vi i+and ii+and i+only ii+only both+i',
  statements:
    'statement statements statement+1 statement+2 true+or false+or true+true false+false is+true is+false are+true',
  investigation:
    'account accounts phone phones vehicle vehicles transfer transfers alias aliases timeline suspect suspects witness address addresses iban passport seized sender recipient case',
  blanks: '_ … blank blanks ___ missing complete+the fill+in best+completes',
  everyday:
    'he she his her him they their boy girl man woman mother father friend school house home car dog cat food eat day morning kitchen table walked went because so wanted told asked felt looked',
  trivia:
    'who when where film movie actor singer band album song played wrote tv show season episode won award team football game league cup player born died author book first',
  commonsense:
    'likely would might could usually someone people person something place thing need needs use used using does made make want why+would where+would what+would',
};

/** Kinds of a prompt's beginning: the first word, or the leading verb. */
export const OPENERS: readonly string[] = [
  'what',
  'which',
  'who whom whose',
  'when where',
  'how why',
  'a an the this',
  'if suppose let consider given assume',
  'write find calculate compute determine solve explain describe list prove show translate summarize',
];
